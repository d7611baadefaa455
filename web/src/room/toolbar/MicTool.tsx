/** The microphone: on with a ring that moves with the voice, or off and saying so when somebody talks into it. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { ChevronUp, Mic, MicOff } from "lucide";
import { announce, Icon, Menu, Tool } from "../../design";
import { maySend } from "../../state/stage";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { deviceItems } from "./deviceItems";

/** Talking into a muted microphone for this long is a mistake, not a cough. */
const TALKING_FOR_MS = 600;
const TALKING_LEVEL = 0.5;
const HINT_STAYS_MS = 4_000;

export function MicTool() {
  const { session, ui } = useRoom();
  const { view, role } = useView();
  const { local } = session;
  const state = local.mic.value;
  const locked = !maySend(view.stage, role, "mic") && state === "off";
  return (
    <div class="tool-split">
      {state === "off" && !locked && <MutedHint />}
      <Tool
        icon={state !== "off" ? Mic : MicOff}
        word={en.tools.mic[state]}
        tone={state === "off" ? "off" : "on"}
        pressed={state !== "off"}
        {...(state === "on" ? { level: local.meter.level.value } : {})}
        shortcut="m"
        aria-disabled={locked || undefined}
        onClick={() => void session.publishing.toggleMic()}
        data-testid="mic-button"
      />
      {!ui.narrow.value && (
        <Menu
          label={en.tools.deviceMenu.microphone}
          side="above"
          items={[...deviceItems("audioinput", local, ui), ...deviceItems("audiooutput", local, ui)]}
          trigger={(trigger) => <button type="button" class="tool-more" aria-label={en.tools.deviceMenu.microphone} {...trigger}><Icon of={ChevronUp} size={14} /></button>}
        />
      )}
    </div>
  );
}

function MutedHint() {
  const { meter, micTrack } = useRoom().session.local;
  const since = useSignal<number | null>(null);
  const shown = useSignal(false);
  useSignalEffect(() => {
    if (micTrack.value === null || meter.level.value < TALKING_LEVEL) {
      since.value = null;
    } else if (since.peek() === null) {
      since.value = performance.now();
    } else if (!shown.peek() && performance.now() - (since.peek() ?? 0) > TALKING_FOR_MS) {
      shown.value = true;
      announce(en.tools.mutedAndSpeaking);
      window.setTimeout(() => (shown.value = false), HINT_STAYS_MS);
    }
  });
  return shown.value ? <p class="muted-hint">{en.tools.mutedAndSpeaking}</p> : null;
}
