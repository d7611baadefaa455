/** What one may do with a person in the list: the same table as server/rooms/permissions.py, so that no item is vain. */

import { Hand, MicOff, MonitorX, Pin, UserCog, UserX, VideoOff } from "lucide";
import type { MenuItem } from "../../design";
import type { Classroom, Participant, Role, Source } from "../../state/model";
import { en } from "../../strings/en";
import type { Room } from "../context";
import { handUp, isHost, roleOf, sends } from "../selectors";

export function personItems({ session, ui }: Room, view: Classroom, person: Participant): readonly MenuItem[] {
  const me = session.me.value;
  const mine = roleOf(view, me);
  const self = person.id === me;
  const pin: MenuItem = { label: en.people.pin, icon: Pin, checked: ui.pinned.value === person.id, onSelect: () => ui.pin(person.id) };
  if (!isHost(mine)) return self ? [] : [pin];

  const mute = (source: Source, label: string, icon: typeof MicOff): MenuItem[] =>
    sends(view, person.id, source)
      ? [{ label, icon, onSelect: () => void session.send({ type: "stage.mute", participant: person.id, source }) }]
      : [];
  const stops = self
    ? []
    : [
        ...mute("mic", en.people.mute, MicOff),
        ...mute("camera", en.people.stopVideo, VideoOff),
        ...mute("screen", en.people.stopShare, MonitorX),
      ];
  const lower: MenuItem[] = handUp(view, person.id)
    ? [{ label: en.people.lowerHand, icon: Hand, onSelect: () => void session.send({ type: "hand.lower", participant: person.id }) }]
    : [];
  const roles = mine === "instructor" && !self ? roleItems(session, person) : [];
  const mayRemove = !self && (mine === "instructor" || person.role !== "instructor");
  const remove: MenuItem[] = mayRemove
    ? ["separator", { label: en.people.remove, icon: UserX, danger: true, onSelect: () => (ui.dialog.value = { name: "remove", participant: person.id }) }]
    : [];
  return [...stops, ...lower, ...(self ? [] : [pin]), ...roles, ...remove];
}

function roleItems(session: Room["session"], person: Participant): readonly MenuItem[] {
  const words: readonly (readonly [Role, string])[] = [
    ["instructor", en.people.makeInstructor],
    ["assistant", en.people.makeAssistant],
    ["presenter", en.people.makePresenter],
    ["learner", en.people.makeLearner],
  ];
  return words
    .filter(([role]) => role !== person.role)
    .map(([role, label]) => ({
      label,
      icon: UserCog,
      onSelect: () => void session.send({ type: "roster.set-role", participant: person.id, role }),
    }));
}
