/** Which microphone and which camera; shown only where there is a choice. */

import { Select } from "../../design";
import { devices, type DeviceKind } from "../../media/devices";
import type { LocalMedia } from "../../media/local";
import { en } from "../../strings/en";

export function DeviceChoice({ local }: { local: LocalMedia }) {
  return (
    <div class="join-devices">
      <Choice kind="audioinput" label={en.join.microphone} track={local.micTrack.value} local={local} />
      <Choice kind="videoinput" label={en.join.camera} track={local.cameraTrack.value} local={local} />
    </div>
  );
}

interface ChoiceProps {
  kind: Exclude<DeviceKind, "audiooutput">;
  label: string;
  track: MediaStreamTrack | null;
  local: LocalMedia;
}

function Choice({ kind, label, track, local }: ChoiceProps) {
  const options = devices.value
    .filter((device) => device.kind === kind && device.deviceId !== "")
    .map((device, n) => ({ value: device.deviceId, label: device.label || `${label} ${n + 1}` }));
  const chosen = track?.getSettings().deviceId ?? "";
  if (options.length < 2 || track === null) return null;
  return <Select label={label} value={chosen} options={options} onChange={(id) => void local.choose(kind, id)} />;
}
