/** The camera, and which one. */

import { ChevronUp, Video, VideoOff } from "lucide";
import { Icon, Menu, Tool } from "../../design";
import { maySend } from "../../state/stage";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { deviceItems } from "./deviceItems";

export function CameraTool() {
  const { session, ui } = useRoom();
  const { view, role } = useView();
  const state = session.local.camera.value;
  const locked = !maySend(view.stage, role, "camera") && state === "off";
  return (
    <div class="tool-split">
      <Tool
        icon={state !== "off" ? Video : VideoOff}
        word={en.tools.camera[state]}
        tone={state === "off" ? "off" : "on"}
        pressed={state !== "off"}
        shortcut="v"
        aria-disabled={locked || undefined}
        onClick={() => void session.publishing.toggleCamera()}
        data-testid="camera-button"
      />
      {!ui.narrow.value && (
        <Menu
          label={en.tools.deviceMenu.camera}
          side="above"
          items={deviceItems("videoinput", session.local, ui)}
          trigger={(trigger) => <button type="button" class="tool-more" aria-label={en.tools.deviceMenu.camera} {...trigger}><Icon of={ChevronUp} size={14} /></button>}
        />
      )}
    </div>
  );
}
