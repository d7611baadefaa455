/** Groups while they are open, for hosts: who calls for help, who is where, time left, a word to all, and back. */

import { useSignal } from "@preact/signals";
import { LifeBuoy, Megaphone, Undo2 } from "lucide";
import { Button, Icon, IconButton, TextField } from "../../design";
import type { Group } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { groupOf, MAIN, nameOf, roomOf } from "../selectors";
import { remaining } from "../time";
import { GroupBoard } from "./GroupBoard";

const ANNOUNCEMENT_LONGEST = 1_000;

export function Running() {
  const { session } = useRoom();
  const { view, me, role } = useView();
  const { closes_at, phase } = view.breakouts;
  const here = roomOf(view, me);
  const visit = (room: string) => void session.send({ type: "breakouts.visit", room });
  const left = closes_at > 0 ? remaining(closes_at, session.now.value) : null;
  const action = (group: Group) =>
    here === group.id ? (
      <span class="badge badge-green">{en.breakouts.here}</span>
    ) : (
      <Button size="small" onClick={() => visit(group.id)} data-testid="breakouts-visit">{en.breakouts.visit}</Button>
    );
  return (
    <>
      <div class="panel-scroll">
        <HelpQueue />
        <div class="panel-section">
          <div class="panel-head">
            <h2>{phase === "closing" && left !== null ? en.breakouts.recalling(left) : en.breakouts.isOpen}</h2>
            {phase === "open" && left !== null && <time class="quiet-text figures">{en.breakouts.timeLeft(left)}</time>}
          </div>
          {here !== MAIN && <Button kind="plain" icon={Undo2} onClick={() => visit(MAIN)} data-testid="breakouts-main">{en.breakouts.backToMain}</Button>}
          <GroupBoard action={action} />
        </div>
      </div>
      {role === "instructor" && <RunningFoot closing={phase === "closing"} />}
    </>
  );
}

function HelpQueue() {
  const { session } = useRoom();
  const { view } = useView();
  const calls = view.breakouts.help;
  if (calls.length === 0) return null;
  return (
    <section class="hands" aria-label={en.breakouts.helpQueue}>
      <h2><Icon of={LifeBuoy} size={16} /> {en.breakouts.helpQueue} ({calls.length})</h2>
      <ul>
        {calls.map(({ participant, room }) => (
          <li key={participant} class="raised">
            <span class="raised-name">{nameOf(view, participant)}<br /><span class="quiet-text small">{groupOf(view, room)?.name}</span></span>
            <Button
              kind="primary"
              size="small"
              onClick={() => {
                void session.send({ type: "breakouts.answer-help", participant });
                void session.send({ type: "breakouts.visit", room });
              }}
            >
              {en.breakouts.answer}
            </Button>
            <Button size="small" onClick={() => void session.send({ type: "breakouts.answer-help", participant })}>{en.breakouts.answerOnly}</Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function RunningFoot({ closing }: { closing: boolean }) {
  const { session } = useRoom();
  const text = useSignal("");
  const announce = () => {
    if (text.value.trim() === "") return;
    void session.send({ type: "breakouts.announce", text: text.value.trim() });
    text.value = "";
  };
  return (
    <div class="panel-foot plan-foot">
      <form
        class="announce"
        onSubmit={(event) => {
          event.preventDefault();
          announce();
        }}
      >
        <TextField label={en.breakouts.announce} labelHidden placeholder={en.breakouts.announce} value={text.value} onInput={(value) => (text.value = value)} maxLength={ANNOUNCEMENT_LONGEST} data-testid="breakouts-announce" />
        <IconButton icon={Megaphone} label={en.breakouts.announceSend} type="submit" tipAlign="end" disabled={text.value.trim() === ""} />
      </form>
      {!closing && <Button kind="primary" size="large" wide icon={Undo2} onClick={() => void session.send({ type: "breakouts.recall" })} data-testid="breakouts-recall">{en.breakouts.recall}</Button>}
      <Button kind={closing ? "primary" : "quiet"} wide onClick={() => void session.send({ type: "breakouts.close" })} data-testid="breakouts-close">{en.breakouts.recallNow}</Button>
    </div>
  );
}
