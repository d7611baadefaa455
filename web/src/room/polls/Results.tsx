/** What was answered, as bars; while it runs also how many have not, and for the instructor who answered what. */

import { BarChart } from "../../design";
import type { Poll } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { voteShown } from "../optimistic";
import { groupable, nameOf } from "../selectors";
import { Vote } from "./Vote";

export function Results({ poll, live = false }: { poll: Poll; live?: boolean }) {
  const { session } = useRoom();
  const { view, me } = useView();
  const own = voteShown(view, session.pending.value, me, poll.id);
  const bars = poll.options.map((label, n) => ({ label, value: poll.tally[n] ?? 0, own: n === own }));
  const missing = groupable(view).filter((person) => !(person.id in poll.votes));
  const expected = Math.max(poll.answered, groupable(view).length);
  return (
    <>
      <div data-testid="poll-result"><BarChart caption={en.polls.results} bars={bars} /></div>
      <p class="poll-note" data-testid="poll-answered">
        {en.polls.answered(poll.answered, expected)}
        {live && poll.answered > 0 && ` · ${en.polls.missing(Math.max(0, expected - poll.answered))}`}
      </p>
      {live && (
        <details class="poll-more">
          <summary>{en.polls.answerYourself}</summary>
          <Vote poll={poll} />
        </details>
      )}
      <Voters poll={poll} missing={live ? missing.map((person) => person.name) : []} />
    </>
  );
}

/** Votes by name: only the instructor is told them, and only where the poll is not anonymous. */
function Voters({ poll, missing }: { poll: Poll; missing: readonly string[] }) {
  const { view, role } = useView();
  const votes = Object.entries(poll.votes);
  if (role !== "instructor" || poll.anonymous || votes.length === 0) return null;
  return (
    <details class="poll-more">
      <summary>{en.polls.whoAnswered}</summary>
      <dl>
        {poll.options.map((option, n) => {
          const names = votes.filter(([, vote]) => vote === n).map(([voter]) => nameOf(view, voter));
          return names.length > 0 ? <div key={n}><dt>{option}</dt><dd>{en.polls.voters(names)}</dd></div> : null;
        })}
        {missing.length > 0 && <div><dt>{en.polls.notYet}</dt><dd>{en.polls.voters(missing)}</dd></div>}
      </dl>
    </details>
  );
}
