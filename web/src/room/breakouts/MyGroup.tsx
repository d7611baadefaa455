/** Breakouts as a learner sees them: which group, with whom, how long, and a call for help. */

import { LifeBuoy } from "lucide";
import { Avatar, Banner, Button } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { isSending } from "../optimistic";
import { groupOf, MAIN, peopleInRoom, roomOf } from "../selectors";
import { remaining } from "../time";

export function MyGroup() {
  const { session } = useRoom();
  const { view, me } = useView();
  const { closes_at, phase, announcements, help } = view.breakouts;
  const room = roomOf(view, me);
  const others = peopleInRoom(view, room).filter((person) => person.id !== me);
  const left = closes_at > 0 ? remaining(closes_at, session.now.value) : null;
  const asked = help.some((call) => call.participant === me) || isSending(session.pending.value, "breakouts.ask-help");
  const name = groupOf(view, room)?.name;
  const words = room === MAIN || name === undefined ? en.breakouts.inMain : en.breakouts.mine(name, others.map((person) => person.name));
  const last = announcements.at(-1);
  return (
    <div class="panel-scroll panel-section">
      <p class="my-group" data-testid="my-group">{words}</p>
      {phase === "open" && left !== null && <time class="quiet-text figures">{en.breakouts.timeLeft(left)}</time>}
      {room !== MAIN && others.length > 0 && (
        <ul class="my-group-people">{others.map((person) => <li key={person.id}><Avatar name={person.name} seed={person.id} size={32} />{person.name}</li>)}</ul>
      )}
      {last !== undefined && <Banner>{en.breakouts.announced(last.text)}</Banner>}
      {room !== MAIN && (asked ? (
        <p class="quiet-text" role="status">{en.breakouts.asked}</p>
      ) : (
        <Button kind="plain" icon={LifeBuoy} onClick={() => void session.send({ type: "breakouts.ask-help" })} data-testid="breakouts-help">{en.breakouts.askHelp}</Button>
      ))}
    </div>
  );
}
