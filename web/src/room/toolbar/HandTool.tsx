/** Raise and lower one's hand. */

import { Hand } from "lucide";
import { Tool } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { handShown } from "../optimistic";
import { toggleHand } from "../shortcuts";

export function HandTool() {
  const { session } = useRoom();
  const { view, me } = useView();
  const up = handShown(view, session.pending.value, me);
  return (
    <Tool
      icon={Hand}
      word={up ? en.tools.hand.on : en.tools.hand.off}
      pressed={up}
      shortcut="h"
      onClick={() => toggleHand(session)}
      data-testid="hand-button"
    />
  );
}
