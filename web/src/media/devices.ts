/**
 * Which cameras, microphones and loudspeakers there are, and which one the person chose last (kept in this browser).
 *
 * Browsers hide the names until permission was given once; until then a device is "Camera 1".
 */

import { signal } from "@preact/signals";

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";

export const devices = signal<readonly MediaDeviceInfo[]>([]);

/** Read the list anew; called at start, after each permission, and whenever something is plugged in. */
export async function refreshDevices(): Promise<void> {
  try {
    devices.value = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  } catch {
    devices.value = [];
  }
}

export function watchDevices(): () => void {
  void refreshDevices();
  const changed = () => void refreshDevices();
  navigator.mediaDevices?.addEventListener("devicechange", changed);
  return () => navigator.mediaDevices?.removeEventListener("devicechange", changed);
}

const key = (kind: DeviceKind) => `bichron.device.${kind}`;

export function preferredDevice(kind: DeviceKind): string | null {
  try {
    return localStorage.getItem(key(kind));
  } catch {
    return null; // Storage may be forbidden; then nothing is remembered.
  }
}

export function preferDevice(kind: DeviceKind, id: string): void {
  try {
    localStorage.setItem(key(kind), id);
  } catch {
    // As above.
  }
}
