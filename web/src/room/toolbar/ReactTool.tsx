/** A reaction for a moment, also "slower, please": seen by everyone in the room, stored nowhere. */

import { Smile } from "lucide";
import { Menu, Tool } from "../../design";
import { en } from "../../strings/en";
import type { ReactionName } from "../../wire/messages";
import type { Room } from "../context";
import { useRoom } from "../context";
import { REACTIONS } from "../stage/reactions";

export function reactionItems({ session, ui }: Room) {
  return (Object.keys(REACTIONS) as ReactionName[]).map((name) => ({
    label: en.reactions[name],
    icon: REACTIONS[name],
    onSelect: () => {
      session.pulse({ type: "reaction", name });
      ui.react(session.me.value, name);
    },
  }));
}

export function ReactTool() {
  const room = useRoom();
  return (
    <Menu
      label={en.tools.react}
      items={reactionItems(room)}
      side="above"
      trigger={(trigger) => <Tool {...trigger} icon={Smile} word={en.tools.react} data-testid="react-button" />}
    />
  );
}
