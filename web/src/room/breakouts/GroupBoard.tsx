/** Groups as cards with their people on them; people move by drag or by the menu, before and while groups are open. */

import { useSignal } from "@preact/signals";
import { Plus } from "lucide";
import type { ComponentChildren } from "preact";
import { Button } from "../../design";
import type { Group, Participant } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { groupable, MAIN } from "../selectors";
import { MemberCard } from "./MemberCard";
import { GROUPS_MOST, unassigned, withGroupAdded } from "./planning";

/** What is dragged: our own kind, so that text or files from elsewhere are not taken for people. */
export const DRAGGED = "application/x-bichron-participant";

export function GroupBoard({ action }: { action?: (group: Group) => ComponentChildren }) {
  const { session } = useRoom();
  const { view, role } = useView();
  const { groups, phase } = view.breakouts;
  const rest = unassigned(groupable(view), groups);
  const addGroup = () => {
    const plan = withGroupAdded(groups, en.breakouts.groupName).map(({ name, members }) => ({ name, members: [...members] }));
    void session.send({ type: "breakouts.plan", groups: plan });
  };
  return (
    <div class="board">
      {groups.map((group) => (
        <Column key={group.id} id={group.id} name={group.name} people={membersOf(group, view.roster.people)} action={action?.(group)} />
      ))}
      {rest.length > 0 && <Column id={MAIN} name={en.breakouts.unassigned} people={rest} />}
      {phase === "planned" && role === "instructor" && groups.length < GROUPS_MOST && (
        <Button kind="quiet" size="small" icon={Plus} class="board-add" onClick={addGroup}>{en.breakouts.addGroup}</Button>
      )}
    </div>
  );
}

function membersOf(group: Group, people: Record<string, Participant>): readonly Participant[] {
  return group.members.flatMap((id) => people[id] ?? []).filter((person) => person.presence !== "gone");
}

interface ColumnProps {
  id: string;
  name: string;
  people: readonly Participant[];
  action?: ComponentChildren;
}

function Column({ id, name, people, action }: ColumnProps) {
  const { session } = useRoom();
  const over = useSignal(false);
  const takes = (event: DragEvent) => event.dataTransfer?.types.includes(DRAGGED) ?? false;
  return (
    <section
      class={over.value ? "board-column board-column-over" : "board-column"}
      aria-label={name}
      data-testid="breakouts-group"
      data-group={id}
      onDragOver={(event) => {
        if (!takes(event)) return;
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        over.value = false;
        const participant = event.dataTransfer?.getData(DRAGGED);
        if (!participant) return;
        event.preventDefault();
        void session.send({ type: "breakouts.assign", participant, group: id });
      }}
    >
      <header class="board-head">
        <h3>{name}</h3>
        <span class="quiet-text small">{en.breakouts.members(people.length)}</span>
        {action}
      </header>
      <ul>
        {people.map((person) => <MemberCard key={person.id} person={person} group={id} />)}
        {people.length === 0 && <li class="board-empty">{en.breakouts.nobody}</li>}
      </ul>
    </section>
  );
}
