/** Record, pause and go on with one click; stopping is a choice in the menu beside it. */

import { ChevronUp, CircleDot, CirclePause } from "lucide";
import { Icon, Menu, Tool } from "../../design";
import { en } from "../../strings/en";
import { type Room, useRoom, useView } from "../context";
import { toggleRecording } from "../shortcuts";

export function RecordTool() {
  const room = useRoom();
  const { recording } = useView().view;
  const running = recording.phase !== "off";
  return (
    <div class="tool-split">
      <Tool
        class={recording.phase === "on" ? "tool-recording" : ""}
        icon={recording.phase === "on" ? CirclePause : CircleDot}
        word={en.tools.record[recording.phase]}
        shortcut="r"
        onClick={() => toggleRecording(room.session)}
        data-testid="record-button"
      />
      {running && (
        <Menu
          label={en.tools.recordMenu}
          side="above"
          items={recordingItems(room)}
          trigger={(trigger) => <button type="button" class="tool-more" aria-label={en.tools.recordMenu} {...trigger}><Icon of={ChevronUp} size={14} /></button>}
        />
      )}
    </div>
  );
}

export function recordingItems({ session }: Room) {
  const phase = session.view.value?.recording.phase ?? "off";
  const toggle = { off: en.tools.recordStart, on: en.tools.recordPause, paused: en.tools.recordResume }[phase];
  const stop = {
    label: en.tools.recordStop,
    icon: CircleDot,
    onSelect: () => void session.send({ type: "recording.stop" }),
    "data-testid": "record-stop",
  };
  return [
    { label: toggle, icon: phase === "on" ? CirclePause : CircleDot, onSelect: () => void toggleRecording(session) },
    ...(phase === "off" ? [] : [stop]),
  ];
}
