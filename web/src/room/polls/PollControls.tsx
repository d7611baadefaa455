/** What those who run a poll can do next with it. Showing the results is public, so it asks once. */

import { useSignal } from "@preact/signals";
import { Eye, Play, Square, Trash2 } from "lucide";
import { Button, Confirm, IconButton } from "../../design";
import type { Poll } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom } from "../context";
import { isSending } from "../optimistic";

export function PollControls({ poll }: { poll: Poll }) {
  const { session } = useRoom();
  const asking = useSignal<"publish" | "discard" | null>(null);
  const pending = session.pending.value;
  const close = () => (asking.value = null);
  return (
    <div class="poll-controls">
      {poll.phase === "draft" && (
        <Button kind="primary" icon={Play} busy={isSending(pending, "poll.open")} onClick={() => void session.send({ type: "poll.open", poll: poll.id })} data-testid="poll-open">{en.polls.start}</Button>
      )}
      {poll.phase === "open" && (
        <Button kind="primary" icon={Square} busy={isSending(pending, "poll.close")} onClick={() => void session.send({ type: "poll.close", poll: poll.id })} data-testid="poll-close">{en.polls.close}</Button>
      )}
      {poll.phase === "closed" && (
        <Button kind="primary" icon={Eye} busy={isSending(pending, "poll.publish")} onClick={() => (asking.value = "publish")} data-testid="poll-publish">{en.polls.publish}</Button>
      )}
      {poll.phase !== "open" && (
        <IconButton icon={Trash2} label={en.polls.discard} tipAlign="end" onClick={() => (asking.value = "discard")} />
      )}
      <Confirm
        open={asking.value === "publish"}
        title={en.polls.publishTitle}
        consequence={en.polls.publishText}
        verb={en.polls.publish}
        danger={false}
        onConfirm={() => void session.send({ type: "poll.publish", poll: poll.id })}
        onClose={close}
        data-testid="confirm"
      />
      <Confirm
        open={asking.value === "discard"}
        title={en.polls.discardTitle}
        consequence={en.polls.discardText}
        verb={en.polls.discard}
        onConfirm={() => void session.send({ type: "poll.discard", poll: poll.id })}
        onClose={close}
      />
    </div>
  );
}
