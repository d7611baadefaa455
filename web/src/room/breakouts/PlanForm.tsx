/** How to split the class: by number of groups, by their size, or by hand. */

import { useSignal } from "@preact/signals";
import { Shuffle, SquarePlus } from "lucide";
import { Button, Select, TextField } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { isSending } from "../optimistic";
import { groupable } from "../selectors";
import { emptyGroups, GROUPS_MOST, groupsForSize, largestOf } from "./planning";

type By = "number" | "size" | "hand";

const WAYS: readonly { value: By; label: string }[] = [
  { value: "number", label: en.breakouts.byNumber },
  { value: "size", label: en.breakouts.bySize },
  { value: "hand", label: en.breakouts.byHand },
];

export function PlanForm() {
  const { session, ui } = useRoom();
  const { view } = useView();
  const by = useSignal<By>("number");
  const amount = useSignal("2");
  const people = groupable(view).length;
  const number = Math.min(GROUPS_MOST, Math.max(1, Number.parseInt(amount.value, 10) || 1));
  const groups = by.value === "size" ? groupsForSize(people, number) : number;
  const busy = isSending(session.pending.value, "breakouts.shuffle") || isSending(session.pending.value, "breakouts.plan");

  const plan = () => {
    if (by.value !== "hand") return void session.send({ type: "breakouts.shuffle", groups });
    const empty = emptyGroups(groups, en.breakouts.groupName).map(({ name }) => ({ name, members: [] }));
    void session.send({ type: "breakouts.plan", groups: empty });
    if (!ui.narrow.value) ui.dialog.value = { name: "board" };
  };

  return (
    <form
      class="panel-scroll panel-section"
      onSubmit={(event) => {
        event.preventDefault();
        plan();
      }}
    >
      <div>
        <h2>{en.breakouts.plan}</h2>
        <p class="quiet-text">{en.breakouts.planText}</p>
      </div>
      <Select label={en.breakouts.by} value={by.value} options={WAYS} onChange={(way) => (by.value = way)} data-testid="breakouts-by" />
      <TextField
        label={by.value === "size" ? en.breakouts.size : en.breakouts.groups}
        type="number"
        value={amount.value}
        onInput={(text) => (amount.value = text)}
        hint={people === 0 ? en.breakouts.tooFew : by.value === "hand" ? "" : en.breakouts.wouldMake(groups, largestOf(people, groups))}
        data-testid="breakouts-count"
      />
      {by.value === "hand" ? (
        <Button kind="primary" icon={SquarePlus} type="submit" busy={busy} data-testid="breakouts-plan">{en.breakouts.makeEmpty}</Button>
      ) : (
        <Button kind="primary" icon={Shuffle} type="submit" busy={busy} data-testid="breakouts-shuffle">{en.breakouts.shuffle}</Button>
      )}
    </form>
  );
}
