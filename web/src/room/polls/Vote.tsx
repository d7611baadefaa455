/** Answering: one click, or the key with the answer's number. The choice shows at once and may change until the end. */

import { Check } from "lucide";
import { useLayoutEffect } from "preact/hooks";
import { Icon } from "../../design";
import type { Poll } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { voteShown } from "../optimistic";
import { openPolls } from "../selectors";
import { isTyping } from "../shortcuts";

export function Vote({ poll }: { poll: Poll }) {
  const { session } = useRoom();
  const { view, me } = useView();
  const chosen = voteShown(view, session.pending.value, me, poll.id);
  const vote = (option: number) => {
    if (option !== chosen) void session.send({ type: "poll.vote", poll: poll.id, option });
  };
  // The keys belong to the newest open poll.
  const newest = openPolls(view).at(-1)?.id === poll.id;
  useLayoutEffect(() => {
    if (!newest) return;
    const pressed = (event: KeyboardEvent) => {
      const option = Number(event.key) - 1;
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (plain && option in poll.options && !isTyping(event.target)) vote(option);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  });
  return (
    <>
      <div class="votes" role="group" aria-label={poll.question}>
        {poll.options.map((option, n) => (
          <button
            key={n}
            type="button"
            class={n === chosen ? "vote vote-chosen" : "vote"}
            aria-pressed={n === chosen}
            onClick={() => vote(n)}
            data-testid={`poll-vote-${n}`}
          >
            <span class="vote-mark" aria-hidden="true">{n === chosen ? <Icon of={Check} size={14} /> : n + 1}</span>
            <span>{option}</span>
          </button>
        ))}
      </div>
      {chosen !== null && <p class="poll-note" role="status">{en.polls.waiting} {en.polls.mayChange}</p>}
    </>
  );
}
