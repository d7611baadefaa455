/** A plan before it opens: look it over, move people, then open. */

import { useSignal } from "@preact/signals";
import { Columns3, DoorOpen, Shuffle, Trash2 } from "lucide";
import { Button, IconButton, Select } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { isSending } from "../optimistic";
import { GroupBoard } from "./GroupBoard";

const MINUTE_MS = 60_000;
const LIMITS = [
  { value: "0", label: en.breakouts.limits.none },
  { value: String(5 * MINUTE_MS), label: en.breakouts.limits.five },
  { value: String(10 * MINUTE_MS), label: en.breakouts.limits.ten },
  { value: String(15 * MINUTE_MS), label: en.breakouts.limits.fifteen },
  { value: String(20 * MINUTE_MS), label: en.breakouts.limits.twenty },
  { value: String(30 * MINUTE_MS), label: en.breakouts.limits.thirty },
];

export function Planned() {
  const { session, ui } = useRoom();
  const { view, role } = useView();
  const limit = useSignal("0");
  const count = view.breakouts.groups.length;
  const instructor = role === "instructor";
  return (
    <>
      <div class="panel-scroll panel-section">
        <div class="panel-head"><h2>{en.breakouts.planned}</h2></div>
        {instructor && (
          <div class="plan-tools">
            <Button size="small" icon={Shuffle} onClick={() => void session.send({ type: "breakouts.shuffle", groups: count })} data-testid="breakouts-shuffle">{en.breakouts.shuffleAgain}</Button>
            {!ui.narrow.value && <Button size="small" icon={Columns3} onClick={() => (ui.dialog.value = { name: "board" })}>{en.breakouts.board}</Button>}
            <IconButton size="small" icon={Trash2} label={en.breakouts.discard} tipSide="below" tipAlign="end" onClick={() => void session.send({ type: "breakouts.plan", groups: [] })} />
          </div>
        )}
        <GroupBoard />
      </div>
      {instructor && (
        <div class="panel-foot plan-foot">
          <Select label={en.breakouts.limit} value={limit.value} options={LIMITS} onChange={(ms) => (limit.value = ms)} />
          <Button
            kind="primary"
            size="large"
            wide
            icon={DoorOpen}
            busy={isSending(session.pending.value, "breakouts.open")}
            onClick={() => void session.send({ type: "breakouts.open", duration_ms: Number(limit.value) })}
            data-testid="breakouts-open"
          >
            {en.breakouts.open}
          </Button>
        </div>
      )}
    </>
  );
}
