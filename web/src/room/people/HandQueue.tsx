/** Raised hands in the order they went up, with how long each has waited. */

import { Hand } from "lucide";
import { Button, Icon } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { isHost, nameOf } from "../selectors";
import { clock } from "../time";

export function HandQueue() {
  const { session } = useRoom();
  const { view, me, role } = useView();
  const { queue } = view.hands;
  if (queue.length === 0) return null;
  const host = isHost(role);
  return (
    <section class="hands" aria-label={en.people.hands}>
      <div class="panel-head">
        <h2><Icon of={Hand} size={16} /> {en.people.hands} ({queue.length})</h2>
        {host && queue.length > 1 && <Button kind="quiet" size="small" onClick={() => void session.send({ type: "hand.lower-all" })}>{en.people.lowerAll}</Button>}
      </div>
      <ol>
        {queue.map(({ participant, at }, n) => {
          const waited = clock(session.now.value - at);
          const name = nameOf(view, participant);
          return (
            <li key={participant} class="raised" data-testid="hand-row" data-participant={participant}>
              <span class="raised-place figures" aria-hidden="true">{n + 1}</span>
              <span class="raised-name">{name}{participant === me && <span class="quiet-text"> ({en.people.you})</span>}</span>
              <time class="quiet-text figures" aria-label={en.people.waiting(waited)}>{waited}</time>
              {(host || participant === me) && (
                <Button size="small" aria-label={en.people.lower(name)} onClick={() => void session.send({ type: "hand.lower", participant })}>{en.people.lowerShort}</Button>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
