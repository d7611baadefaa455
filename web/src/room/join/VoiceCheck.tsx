/** Does the microphone hear anything? A bar that moves, and a sentence that says so once it has. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { Mic, MicOff } from "lucide";
import { Icon, Meter } from "../../design";
import type { LocalMedia } from "../../media/local";
import { en } from "../../strings/en";

/** Louder than a quiet room. */
const HEARD = 0.35;

export function VoiceCheck({ local }: { local: LocalMedia }) {
  const heard = useSignal(false);
  useSignalEffect(() => {
    if (local.micTrack.value === null) heard.value = false;
    else if (local.meter.level.value > HEARD) heard.value = true;
  });
  const on = local.mic.value === "on";
  const words = !on ? en.join.micOff : heard.value ? en.join.hearYou : en.join.saySomething;
  return (
    <div class="voice">
      <Icon of={on ? Mic : MicOff} size={18} />
      <Meter label={en.join.level} kind="level" tone="green" value={on ? local.meter.level.value : 0} />
      <p class="voice-words" role="status">{words}</p>
    </div>
  );
}
