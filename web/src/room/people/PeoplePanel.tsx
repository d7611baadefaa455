/** Everyone who is here: raised hands first, then by role. Hosts get a menu for each person and one for all. */

import { useSignal } from "@preact/signals";
import { ChevronDown, Search } from "lucide";
import { Button, EmptyState, Menu, TextField } from "../../design";
import type { Participant, Role } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { isHost, peopleInside } from "../selectors";
import { everyoneItems } from "./everyone";
import { HandQueue } from "./HandQueue";
import { PersonRow } from "./PersonRow";
import "./people.css";

const ROLES: readonly Role[] = ["instructor", "assistant", "presenter", "learner", "guest"];
const SEARCH_FROM = 10;

export function PeoplePanel() {
  const room = useRoom();
  const { view, role } = useView();
  const wanted = useSignal("");
  const inside = peopleInside(view);
  const found = inside.filter(({ name }) => name.toLocaleLowerCase().includes(wanted.value.trim().toLocaleLowerCase()));
  const searching = inside.length >= SEARCH_FROM;
  return (
    <div class="panel-scroll">
      <HandQueue />
      <div class="people-head">
        {searching ? (
          <TextField label={en.people.search} labelHidden placeholder={en.people.search} type="search" value={wanted.value} onInput={(text) => (wanted.value = text)} />
        ) : (
          <p class="people-count">{en.people.inside(inside.length)}</p>
        )}
        {isHost(role) && (
          <Menu
            label={en.people.everyone}
            items={everyoneItems(room, view)}
            align="end"
            trigger={(trigger) => <Button {...trigger} size="small" icon={ChevronDown} data-testid="everyone-menu">{en.people.everyone}</Button>}
          />
        )}
      </div>
      {ROLES.map((one) => <RoleList key={one} role={one} people={found.filter((person) => person.role === one)} />)}
      {found.length === 0 && <EmptyState icon={Search} title={en.people.nobodyFound} />}
    </div>
  );
}

function RoleList({ role, people }: { role: Role; people: readonly Participant[] }) {
  if (people.length === 0) return null;
  return (
    <section class="people-section">
      <h2 class="people-heading">{en.people.roles[role](people.length)}</h2>
      <ul>
        {people.map((person) => <PersonRow key={person.id} person={person} />)}
      </ul>
    </section>
  );
}
