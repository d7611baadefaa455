/** Sharing the screen; only for those who may. */

import { MonitorUp, MonitorX } from "lucide";
import { Tool } from "../../design";
import { canShareScreen } from "../../media/capture";
import { maySend } from "../../state/stage";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";

export function ShareTool() {
  const { session } = useRoom();
  const { view, role } = useView();
  const on = session.local.screen.value === "on";
  if (!on && (!maySend(view.stage, role, "screen") || !canShareScreen())) return null;
  return (
    <Tool
      icon={on ? MonitorX : MonitorUp}
      word={on ? en.tools.share.on : en.tools.share.off}
      tone={on ? "on" : "plain"}
      pressed={on}
      onClick={() => void session.publishing.toggleScreen()}
      data-testid="share-button"
    />
  );
}
