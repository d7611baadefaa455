/** What hosts can do to everyone at once: mute, lower the hands, and decide what learners may switch on. */

import { Hand, MicOff } from "lucide";
import type { MenuItem } from "../../design";
import type { Classroom, Source } from "../../state/model";
import { en } from "../../strings/en";
import type { Room } from "../context";

export function everyoneItems({ session }: Room, view: Classroom): readonly MenuItem[] {
  const lock = (source: Source, label: string): MenuItem => {
    const locked = view.stage.locked.includes(source);
    return {
      label,
      hint: locked ? en.people.notAllowed : en.people.allowed,
      checked: !locked,
      onSelect: () => void session.send({ type: locked ? "stage.unlock" : "stage.lock", source }),
    };
  };
  return [
    { label: en.people.muteAll, icon: MicOff, onSelect: () => void session.send({ type: "stage.mute-all" }), "data-testid": "mute-all" },
    {
      label: en.people.lowerAll,
      icon: Hand,
      disabled: view.hands.queue.length === 0,
      onSelect: () => void session.send({ type: "hand.lower-all" }),
    },
    "separator",
    lock("mic", en.people.lockMic),
    lock("camera", en.people.lockCamera),
    lock("screen", en.people.lockScreen),
  ];
}
