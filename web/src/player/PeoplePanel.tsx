/** Who was there at that moment, and whose hand was up. */
import { Hand, MicOff, UsersRound } from "lucide";
import { Avatar, EmptyState, Icon } from "../design";
import type { Classroom, Participant } from "../state/model";
import { player as words } from "../strings/player";
import { roomOf } from "./layout";
import type { Player } from "./player";
import { recordingTime, TimeButton } from "./TimeButton";

const RANK: Record<Participant["role"], number> = { instructor: 0, assistant: 1, presenter: 2, learner: 3, guest: 4 };

export function PeoplePanel({ player }: { player: Player }) {
  const view = player.view.value;
  if (!view) return null;
  const room = player.room.value;
  const present = Object.values(view.roster.people)
    .filter((person) => person.presence === "connected")
    .sort((a, b) => RANK[a.role] - RANK[b.role] || a.name.localeCompare(b.name));
  const here = present.filter((person) => roomOf(view, person.id) === room);
  const elsewhere = present.filter((person) => roomOf(view, person.id) !== room);
  const hands = view.hands.queue;
  if (present.length === 0) return <EmptyState icon={UsersRound} {...words.peopleEmpty} />;
  return (
    <div class="people" data-scroll>
      {hands.length > 0 && (
        <section>
          <h2 class="people-title">{words.hands}</h2>
          <ol class="people-list">
            {hands.map((hand, index) => {
              const person = view.roster.people[hand.participant];
              return (
                <li key={hand.participant} class="person">
                  <span class="person-hand"><Icon of={Hand} size={16} /> {index + 1}</span>
                  <span class="person-name">{person?.name ?? ""}</span>
                  <TimeButton player={player} at_ms={recordingTime(player, hand.at)} />
                </li>
              );
            })}
          </ol>
        </section>
      )}
      <People title={words.here(here.length)} people={here} view={view} />
      {elsewhere.length > 0 && <People title={words.elsewhere} people={elsewhere} view={view} />}
    </div>
  );
}

function People({ title, people, view }: { title: string; people: readonly Participant[]; view: Classroom }) {
  return (
    <section>
      <h2 class="people-title">{title}</h2>
      <ul class="people-list">
        {people.map((person) => (
          <li key={person.id} class="person">
            <Avatar name={person.name} seed={person.id} size={28} />
            <span class="person-name">{person.name}{person.role !== "learner" && <span class="small quiet-text"> · {words.roles[person.role]}</span>}</span>
            {!view.stage.live[person.id]?.includes("mic") && <Icon of={MicOff} size={16} class="person-muted" label={words.micOff} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
