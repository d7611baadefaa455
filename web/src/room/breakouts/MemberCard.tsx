/** One person on the board: to be dragged, or moved by a menu that does the same from the keyboard. */

import { ArrowRightLeft } from "lucide";
import { Avatar, IconButton, Menu } from "../../design";
import type { Participant } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { MAIN } from "../selectors";
import { DRAGGED } from "./GroupBoard";

export function MemberCard({ person, group }: { person: Participant; group: string }) {
  const { session } = useRoom();
  const { view } = useView();
  const goals = [...view.breakouts.groups.map(({ id, name }) => ({ id, name })), { id: MAIN, name: en.breakouts.unassigned }];
  const items = goals
    .filter(({ id }) => id !== group)
    .map(({ id, name }) => ({
      label: name,
      onSelect: () => void session.send({ type: "breakouts.assign", participant: person.id, group: id }),
    }));
  return (
    <li
      class={person.presence === "dropped" ? "member member-away" : "member"}
      draggable
      data-participant={person.id}
      onDragStart={(event) => {
        event.dataTransfer?.setData(DRAGGED, person.id);
        if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
      }}
    >
      <Avatar name={person.name} seed={person.id} size={24} />
      <span class="member-name">{person.name}</span>
      <Menu
        label={en.breakouts.moveTo(person.name)}
        items={items}
        align="end"
        trigger={(trigger) => <IconButton {...trigger} size="small" icon={ArrowRightLeft} label={en.breakouts.moveTo(person.name)} tipSide="below" tipAlign="end" />}
      />
    </li>
  );
}
