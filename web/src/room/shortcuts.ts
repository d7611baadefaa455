/** One-letter keys, off while somebody types. Each does exactly what its button does. */

import { useLayoutEffect } from "preact/hooks";
import { type Room, useRoom } from "./context";
import { handShown } from "./optimistic";
import { roleOf } from "./selectors";

export function useShortcuts(): void {
  const room = useRoom();
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (act(event.key.toLowerCase(), room)) event.preventDefault();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [room]);
}

/** Whether keys go into what has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

/** True if the key means something here. */
function act(key: string, { session, ui }: Room): boolean {
  switch (key) {
    case "m":
      void session.publishing.toggleMic();
      return true;
    case "v":
      void session.publishing.toggleCamera();
      return true;
    case "h":
      toggleHand(session);
      return true;
    case "c":
      ui.toggle("chat");
      return true;
    case "p":
      ui.toggle("people");
      return true;
    case "b":
      ui.toggle("breakouts");
      return true;
    case "l":
      ui.toggle("polls");
      return true;
    case "r":
      return toggleRecording(session);
    case "?":
      ui.dialog.value = { name: "shortcuts" };
      return true;
    default:
      return false;
  }
}

export function toggleHand(session: Room["session"]): void {
  const view = session.view.value;
  const me = session.me.value;
  if (view === null) return;
  const up = handShown(view, session.pending.value, me);
  void session.send(up ? { type: "hand.lower", participant: me } : { type: "hand.raise" });
}

/** Record, pause, go on: what the key and the button do next. */
export function toggleRecording(session: Room["session"]): boolean {
  const view = session.view.value;
  if (view === null || roleOf(view, session.me.value) !== "instructor") return false;
  const next = { off: "recording.start", on: "recording.pause", paused: "recording.resume" } as const;
  void session.send({ type: next[view.recording.phase] });
  return true;
}
