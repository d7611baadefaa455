/**
 * Why a camera or microphone cannot be had, as a word the catalogue has a sentence for (strings/en.ts).
 *
 * Browsers say it with DOMException names (W3C Media Capture 10.2) that differ a little between makers. Pure.
 */

export type Device = "microphone" | "camera" | "screen";

export type Reason =
  | "blocked" // the person or the browser's settings said no
  | "system-blocked" // the operating system said no
  | "missing" // there is none
  | "busy" // another program holds it
  | "lost" // it went away while in use
  | "insecure" // the page is not served over https or localhost
  | "unsupported" // this browser cannot
  | "cancelled" // the chooser was closed: nothing to complain about
  | "failed"; // anything else

export interface Trouble {
  readonly device: Device;
  readonly reason: Reason;
}

/** Trying again changes nothing about these. */
export const HOPELESS: readonly Reason[] = ["insecure", "unsupported"];

/** The trouble behind what getUserMedia or getDisplayMedia threw. */
export function troubleOf(device: Device, error: unknown): Trouble {
  return { device, reason: reasonOf(device, error) };
}

function reasonOf(device: Device, error: unknown): Reason {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  const words = error instanceof Error || error instanceof DOMException ? error.message.toLowerCase() : "";
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      if (words.includes("system")) return "system-blocked";
      return device === "screen" ? "cancelled" : "blocked";
    case "SecurityError":
      return "blocked";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "NotSupportedError":
      return "unsupported";
    default:
      return "failed";
  }
}

/** The trouble that makes asking pointless here, or null. */
export function troubleBefore(device: Device, page: { readonly secure: boolean; readonly able: boolean }): Trouble | null {
  if (page.able) return null;
  return { device, reason: page.secure ? "unsupported" : "insecure" };
}
