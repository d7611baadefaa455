/**
 * Asking the browser for a microphone, a camera, a screen. Throws Trouble (trouble.ts) and nothing else.
 *
 * A remembered device that is gone is forgotten silently: any other one will do.
 */

import { preferredDevice, refreshDevices } from "./devices";
import { type Device, type Trouble, troubleBefore, troubleOf } from "./trouble";

const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

export async function openMicrophone(): Promise<MediaStreamTrack> {
  return openDevice("microphone", (id) => ({ audio: { ...VOICE, ...chosen(id) } }), preferredDevice("audioinput"));
}

export async function openCamera(): Promise<MediaStreamTrack> {
  return openDevice("camera", (id) => ({ video: { ...PICTURE, ...chosen(id) } }), preferredDevice("videoinput"));
}

/** Both at once, so that the browser asks once. Throws when either cannot be had: then ask for each alone. */
export async function openBoth(): Promise<{ mic: MediaStreamTrack; camera: MediaStreamTrack }> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { ...VOICE, ...chosen(preferredDevice("audioinput")) },
    video: { ...PICTURE, ...chosen(preferredDevice("videoinput")) },
  });
  void refreshDevices();
  const [mic] = stream.getAudioTracks();
  const [camera] = stream.getVideoTracks();
  if (mic === undefined || camera === undefined) throw new DOMException("not both", "NotFoundError");
  return { mic, camera };
}

/** The screen, and its sound where the browser offers it. */
export async function openScreen(): Promise<{ screen: MediaStreamTrack; sound: MediaStreamTrack | null }> {
  const able = typeof navigator.mediaDevices?.getDisplayMedia === "function";
  refuseWhere(troubleBefore("screen", { secure: isSecureContext, able }));
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    const [screen] = stream.getVideoTracks();
    if (screen === undefined) throw new DOMException("no picture", "NotFoundError");
    screen.contentHint = "detail";
    return { screen, sound: stream.getAudioTracks()[0] ?? null };
  } catch (error) {
    throw troubleOf("screen", error);
  }
}

export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

async function openDevice(
  device: Device,
  constraints: (id: string | null) => MediaStreamConstraints,
  preferred: string | null,
): Promise<MediaStreamTrack> {
  const able = typeof navigator.mediaDevices?.getUserMedia === "function";
  refuseWhere(troubleBefore(device, { secure: isSecureContext, able }));
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints(preferred));
    void refreshDevices();
    const [track] = stream.getTracks();
    if (track === undefined) throw new DOMException("no track", "NotFoundError");
    return track;
  } catch (error) {
    throw troubleOf(device, error);
  }
}

/** `ideal`, not `exact`: an unplugged favourite must not stand in the way. */
function chosen(id: string | null): MediaTrackConstraints {
  return id === null ? {} : { deviceId: { ideal: id } };
}

function refuseWhere(trouble: Trouble | null): void {
  if (trouble !== null) throw trouble;
}
