/** Polls as they stood at that moment: the newest first. */
import { ChartColumn } from "lucide";
import { Badge, BarChart, EmptyState, type Tone } from "../design";
import type { Poll } from "../state/model";
import { player as words } from "../strings/player";
import type { Player } from "./player";
import { recordingTime, TimeButton } from "./TimeButton";

export function PollsPanel({ player }: { player: Player }) {
  const polls = (player.view.value?.polls.polls ?? []).filter((poll) => poll.phase !== "draft");
  if (polls.length === 0) return <EmptyState icon={ChartColumn} {...words.pollsEmpty} />;
  return (
    <ul class="polls" data-scroll>
      {[...polls].reverse().map((poll) => (
        <li key={poll.id} class="poll" data-testid="player-poll">
          <div class="poll-head">
            <PhaseBadge phase={poll.phase} />
            {poll.opened_at > 0 && <TimeButton player={player} at_ms={recordingTime(player, poll.opened_at)} />}
          </div>
          <h2 class="poll-question" dir="auto">{poll.question}</h2>
          {poll.phase === "open" ? (
            <>
              <ul class="poll-options">{poll.options.map((option, index) => <li key={index} dir="auto">{option}</li>)}</ul>
              <p class="quiet-text small">{words.answered(poll.answered)}</p>
            </>
          ) : (
            <BarChart caption={words.results(poll.question)} unit={words.votes} bars={poll.options.map((label, index) => ({ label, value: poll.tally[index] ?? 0 }))} />
          )}
        </li>
      ))}
    </ul>
  );
}

function PhaseBadge({ phase }: { phase: Poll["phase"] }) {
  const [tone, word]: [Tone, string] = phase === "open" ? ["green", words.pollOpen] : phase === "published" ? ["accent", words.pollShown] : ["neutral", words.pollClosed];
  return <Badge tone={tone}>{word}</Badge>;
}
