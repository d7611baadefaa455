/** The class room: a bar on top, the stage with a panel beside it, the tools below. On a phone panels are sheets. */

import { useEffect, useRef } from "preact/hooks";
import { Banners } from "./banners";
import { useRoom, useView } from "./context";
import { Dialogs } from "./dialogs/Dialogs";
import { SidePanel } from "./panel";
import { useShortcuts } from "./shortcuts";
import { Sounds } from "./stage/Sounds";
import { Stage } from "./stage/Stage";
import { Toolbar } from "./toolbar/Toolbar";
import { TopBar } from "./topbar";

export function ClassRoom() {
  const { session, ui } = useRoom();
  const { view } = useView();
  useShortcuts();
  useScreenAwake();
  useEffect(() => {
    const unread = ui.unread.value;
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${view.title} · Bichron`;
  }, [ui.unread.value, view.title]);
  // At the door the notice was shown (JoinPage); having joined is the answer.
  useEffect(() => {
    if (session.boot.recorded) acknowledge();
  }, []);
  const acknowledge = () => {
    if (!view.recording.acknowledged.includes(session.me.value)) void session.send({ type: "recording.acknowledge" });
    ui.recordingNoticeSeen.value = true;
  };

  // The door is gone, and the focus with it: begin at the stage.
  const stage = useRef<HTMLElement>(null);
  useEffect(() => stage.current?.focus(), []);

  const panelOpen = ui.panel.value !== null;
  return (
    <div class={panelOpen && !ui.narrow.value ? "room room-with-panel" : "room"}>
      <TopBar />
      <Banners />
      <main class="room-stage always-dark" tabIndex={-1} ref={stage}><Stage /></main>
      <SidePanel />
      <Toolbar />
      <Sounds />
      <Dialogs />
    </div>
  );
}

/** A phone that dims in the middle of a lecture is no use. Asked for again whenever the page comes back to the front. */
function useScreenAwake(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    const ask = () => {
      if (document.visibilityState !== "visible") return;
      void navigator.wakeLock?.request("screen").then((held) => (lock = held), () => undefined);
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      document.removeEventListener("visibilitychange", ask);
      void lock?.release();
    };
  }, []);
}
