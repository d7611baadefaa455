/** Polls: those who run them write, start and close them; everyone answers the open one and sees what is shown. */

import { useSignal } from "@preact/signals";
import { ChartColumn, Plus } from "lucide";
import { Button, EmptyState } from "../../design";
import { en } from "../../strings/en";
import { useView } from "../context";
import { openPolls, runsPolls } from "../selectors";
import { Composer } from "./Composer";
import { PollCard } from "./PollCard";
import "./polls.css";

export function PollsPanel() {
  const { view, role } = useView();
  const running = runsPolls(role);
  const composing = useSignal(running && openPolls(view).length === 0);
  // The open one first, then the newest.
  const polls = view.polls.polls.toReversed().sort((one, other) => Number(other.phase === "open") - Number(one.phase === "open"));
  return (
    <div class="panel-scroll">
      {running && (composing.value ? (
        <Composer onDone={() => (composing.value = false)} cancellable={polls.length > 0} />
      ) : (
        <div class="panel-section"><Button kind="plain" icon={Plus} onClick={() => (composing.value = true)} data-testid="poll-new">{en.polls.composer}</Button></div>
      ))}
      {polls.map((poll) => <PollCard key={poll.id} poll={poll} />)}
      {polls.length === 0 && !running && <EmptyState icon={ChartColumn} title={en.polls.empty} text={en.polls.emptyText} />}
    </div>
  );
}
