/** One poll, for whoever looks at it: to be answered, watched, closed, shown. */

import { Badge, type Tone } from "../../design";
import type { Poll, PollPhase } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { runsPolls } from "../selectors";
import { remaining } from "../time";
import { PollControls } from "./PollControls";
import { Results } from "./Results";
import { Vote } from "./Vote";

const TONES: Record<PollPhase, Tone> = { draft: "neutral", open: "green", closed: "amber", published: "accent" };

export function PollCard({ poll }: { poll: Poll }) {
  const { session } = useRoom();
  const { role } = useView();
  const running = runsPolls(role);
  return (
    <section class="panel-section poll" aria-label={poll.question} data-testid="poll" data-poll={poll.id} data-phase={poll.phase}>
      <header class="poll-head">
        <Badge tone={TONES[poll.phase]}>{en.polls.phase[poll.phase]}</Badge>
        {poll.phase === "open" && poll.closes_at > 0 && (
          <time class="quiet-text figures">{en.polls.timeLeft(remaining(poll.closes_at, session.now.value))}</time>
        )}
      </header>
      <h2 class="poll-question">{poll.question}</h2>
      {poll.anonymous && poll.phase !== "published" && <p class="poll-note">{en.polls.isAnonymous}</p>}
      <Body poll={poll} running={running} />
      {running && <PollControls poll={poll} />}
    </section>
  );
}

function Body({ poll, running }: { poll: Poll; running: boolean }) {
  switch (poll.phase) {
    case "draft":
      return <ul class="poll-options">{poll.options.map((option, n) => <li key={n}>{option}</li>)}</ul>;
    case "open":
      return running ? <Results poll={poll} live /> : <Vote poll={poll} />;
    case "closed":
      return running ? <Results poll={poll} /> : <p class="poll-note">{en.polls.closedWaiting}</p>;
    case "published":
      return <Results poll={poll} />;
    default:
      return poll.phase satisfies never;
  }
}
