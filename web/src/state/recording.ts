/** Whether the class is recorded: the browser's twin of `apply` in server/rooms/recording.py. */

import type { Event, Recording } from "./model";

export function applyRecording(recording: Recording, event: Event, at: number): Recording {
  switch (event.type) {
    case "recording.started":
      return { ...recording, phase: "on", started_at: at, takes: recording.takes + 1 };
    case "recording.paused":
      return { ...recording, phase: "paused", trouble: "" };
    case "recording.resumed":
      return { ...recording, phase: "on" };
    case "recording.stopped":
      return { ...recording, phase: "off", started_at: 0, trouble: "" };
    case "recording.acknowledged":
      return { ...recording, acknowledged: [...recording.acknowledged, event.participant] };
    case "recording.troubled":
      return { ...recording, trouble: event.reason };
    case "recording.recovered":
      return { ...recording, trouble: "" };
    default:
      return recording;
  }
}
