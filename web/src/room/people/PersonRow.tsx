/** One person in the list: name, what they send, and for hosts what can be done. */

import { EllipsisVertical, Hand, Mic, MicOff, MonitorUp, SignalLow, SignalMedium, Video } from "lucide";
import { Avatar, Icon, IconButton, Menu } from "../../design";
import type { Quality } from "../../media/quality";
import type { Participant } from "../../state/model";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { areGroupsOpen, groupOf, handUp, MAIN, roomOf, sends } from "../selectors";
import { personItems } from "./personItems";

export function PersonRow({ person }: { person: Participant }) {
  const room = useRoom();
  const { view, me } = useView();
  const items = personItems(room, view, person);
  const away = person.presence === "dropped";
  const poor = away ? null : poorLink(room.session.poorLinks.value[person.id]);
  const place = areGroupsOpen(view) && roomOf(view, person.id) !== MAIN ? groupOf(view, roomOf(view, person.id))?.name : undefined;
  return (
    <li class={away ? "person person-away" : "person"} data-participant={person.id}>
      <Avatar name={person.name} seed={person.id} size={32} />
      <span class="person-words">
        <span class="person-name">
          {person.name}
          {person.id === me && <span class="quiet-text"> ({en.people.you})</span>}
        </span>
        {away ? <span class="person-note">{en.people.away}</span> : place !== undefined && <span class="person-note">{en.people.inRoom(place)}</span>}
        {poor !== null && (
          <span class={`person-note person-link person-link-${poor}`} data-testid="person-link">
            <Icon of={poor === "weak" ? SignalLow : SignalMedium} size={16} />{en.bar.quality[poor]}
          </span>
        )}
      </span>
      <span class="person-signs">
        {handUp(view, person.id) && <Icon of={Hand} size={16} label={en.people.handUp} class="person-hand" />}
        {sends(view, person.id, "screen") && <Icon of={MonitorUp} size={16} label={en.people.sharing} />}
        {sends(view, person.id, "camera") && <Icon of={Video} size={16} label={en.people.cameraOn} />}
        {sends(view, person.id, "mic") ? <Icon of={Mic} size={16} label={en.people.micOn} class="person-mic" /> : <Icon of={MicOff} size={16} label={en.people.micOff} class="person-quiet" />}
      </span>
      {items.length === 0 ? (
        <span class="person-no-menu" />
      ) : (
        <Menu
          label={en.people.actions(person.name)}
          items={items}
          align="end"
          trigger={(trigger) => <IconButton {...trigger} size="small" icon={EllipsisVertical} label={en.people.actions(person.name)} tipSide="below" tipAlign="end" />}
        />
      )}
    </li>
  );
}

/** What those who run the class are told of somebody's connection; null: nothing to say. */
function poorLink(quality: Quality | undefined): "fair" | "weak" | null {
  return quality === undefined || quality === "good" ? null : quality;
}
