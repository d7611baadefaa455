/** Menu items to choose a device of one kind: a heading, then every device there is. */

import type { MenuItem } from "../../design";
import { devices, type DeviceKind, preferDevice, preferredDevice } from "../../media/devices";
import type { LocalMedia } from "../../media/local";
import { en } from "../../strings/en";
import type { Ui } from "../ui";

const WORDS: Record<DeviceKind, { heading: string; one: string }> = {
  audioinput: { heading: en.tools.devices.microphone, one: en.join.microphone },
  videoinput: { heading: en.tools.devices.camera, one: en.join.camera },
  audiooutput: { heading: en.tools.devices.speaker, one: en.join.speaker },
};

export function deviceItems(kind: DeviceKind, local: LocalMedia, ui: Ui): readonly MenuItem[] {
  const found = devices.value.filter((device) => device.kind === kind && device.deviceId !== "");
  if (kind === "audiooutput" && (found.length === 0 || !("setSinkId" in HTMLMediaElement.prototype))) return [];
  const { heading, one } = WORDS[kind];
  if (found.length === 0) return [{ heading }, { label: en.join.noDevices, disabled: true, onSelect: () => undefined }];
  return [
    { heading },
    ...found.map((device, n) => ({
      label: device.label || `${one} ${n + 1}`,
      checked: device.deviceId === chosen(kind, local, ui),
      onSelect: () => choose(kind, device.deviceId, local, ui),
    })),
  ];
}

function chosen(kind: DeviceKind, local: LocalMedia, ui: Ui): string {
  if (kind === "audiooutput") return ui.loudspeaker.value ?? preferredDevice(kind) ?? "default";
  const track = kind === "audioinput" ? local.micTrack.value : local.cameraTrack.value;
  return track?.getSettings().deviceId ?? "";
}

function choose(kind: DeviceKind, id: string, local: LocalMedia, ui: Ui): void {
  if (kind === "audiooutput") {
    preferDevice(kind, id);
    ui.loudspeaker.value = id;
  } else {
    void local.choose(kind, id);
  }
}
