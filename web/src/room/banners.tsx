/** States of the whole room that stay until they are over, one sentence each and what to do about it. */

import { CircleDot, MicOff, Undo2, VolumeX, WifiOff } from "lucide";
import { Banner, Button } from "../design";
import type { LocalMedia } from "../media/local";
import { HOPELESS } from "../media/trouble";
import type { Source } from "../state/model";
import { maySend } from "../state/stage";
import { en } from "../strings/en";
import { useRoom, useView } from "./context";
import { isHost, MAIN, nameOf, roomOf } from "./selectors";
import { mutedWords } from "./tell";
import { remaining } from "./time";

export function Banners() {
  const { ui } = useRoom();
  // A sheet covers the page: then the panel shows this one (panel.tsx).
  const coveredBySheet = ui.narrow.value && ui.panel.value !== null;
  return (
    <div class="room-banners">
      {!coveredBySheet && <ConnectionBanner />}
      <SoundBanner />
      <GroupsBanner />
      <DeviceBanner />
      <RecordingBanner />
      <RecordingTroubleBanner />
      <MutedBanner />
    </div>
  );
}

/** The most serious trouble only: one sentence about the connection is enough. */
export function ConnectionBanner() {
  const { session, ui } = useRoom();
  if (session.status.value.phase === "away") {
    return (
      <Banner
        tone="warning"
        icon={WifiOff}
        data-testid="reconnecting"
        action={<Button size="small" onClick={() => session.reconnectNow()}>{en.banners.tryNow}</Button>}
      >
        {navigator.onLine ? `${en.banners.reconnecting} ${en.banners.reconnectingText}` : en.banners.offline}
      </Banner>
    );
  }
  if (session.media.state.value === "lost" || session.media.unreachable.value) {
    return (
      <Banner tone="warning" icon={WifiOff} data-testid="media-lost">
        {session.media.unreachable.value ? en.banners.mediaBlocked : en.banners.mediaLost}
      </Banner>
    );
  }
  if (session.quality.value === "weak" && !ui.weakDismissed.value) {
    return (
      <Banner
        tone="warning"
        data-testid="weak-connection"
        action={
          <>
            {!ui.savingData.value && <Button size="small" onClick={() => ui.saveData(true)} data-testid="weak-save-data">{en.saving.offer}</Button>}
            <Button size="small" kind="quiet" onClick={() => (ui.weakDismissed.value = true)}>{en.banners.dismiss}</Button>
          </>
        }
      >
        {en.banners.weak} {session.cause.value !== null && en.bar.causes[session.cause.value]}
      </Banner>
    );
  }
  return null;
}

function SoundBanner() {
  const { ui } = useRoom();
  if (!ui.soundBlocked.value) return null;
  // The click itself is the gesture the browser waits for (stage/Sounds.tsx).
  return <Banner tone="warning" icon={VolumeX} action={<Button kind="primary" size="small">{en.banners.soundOn}</Button>}>{en.banners.soundBlocked}</Banner>;
}

/** Shown when recording starts under way; at the door it was said before joining. Whoever teaches knows. */
function RecordingBanner() {
  const { session, ui } = useRoom();
  const { view, me, role } = useView();
  const known = view.recording.acknowledged.includes(me) || ui.recordingNoticeSeen.value || role === "instructor";
  if (view.recording.phase !== "on" || known) return null;
  const agree = () => {
    ui.recordingNoticeSeen.value = true;
    void session.send({ type: "recording.acknowledge" });
  };
  return (
    <Banner
      icon={CircleDot}
      data-testid="recording-notice"
      action={
        <>
          <Button size="small" onClick={() => session.leave()}>{en.recording.leave}</Button>
          <Button kind="primary" size="small" onClick={agree} data-testid="recording-agree">{en.recording.ok}</Button>
        </>
      }
    >
      <strong>{en.recording.notice}</strong> {en.recording.noticeText}
    </Banner>
  );
}

/** Whoever runs the class hears of it now, not when the recording is watched. */
function RecordingTroubleBanner() {
  const { view, role } = useView();
  const { trouble } = view.recording;
  if (trouble === "" || !isHost(role)) return null;
  return (
    <Banner tone="error" data-testid="recording-trouble">
      {trouble === "disk-full" ? en.banners.recordingDiskFull : en.banners.recordingTrouble}
    </Banner>
  );
}

/** A device that failed in class: what happened, what to do, one button. */
function DeviceBanner() {
  const { local } = useRoom().session;
  const { microphone, camera, screen } = local.troubles.value;
  const trouble = microphone ?? camera ?? screen;
  if (trouble === undefined) return null;
  const again = { microphone: () => local.setMic(true), camera: () => local.setCamera(true), screen: () => local.startScreen() };
  return (
    <Banner
      tone="error"
      data-testid="device-trouble"
      action={
        <>
          {!HOPELESS.includes(trouble.reason) && <Button size="small" onClick={() => void again[trouble.device]()}>{en.trouble.retry}</Button>}
          <Button size="small" kind="quiet" onClick={() => local.forgive(trouble.device)}>{en.banners.dismiss}</Button>
        </>
      }
    >
      {en.trouble.text(trouble.device, trouble.reason)}
    </Banner>
  );
}

/** The last minute in the groups, wherever one is looking. */
function GroupsBanner() {
  const { session } = useRoom();
  const { view, me } = useView();
  const { phase, closes_at } = view.breakouts;
  if (phase !== "closing" || roomOf(view, me) === MAIN) return null;
  return <Banner icon={Undo2} data-testid="groups-closing">{en.breakouts.closing(remaining(closes_at, session.now.value))}</Banner>;
}

/** Switched on again by hand: then the mute is over. */
function isOn({ mic, camera, screen }: LocalMedia, source: Source): boolean {
  return { mic, camera, screen, screen_audio: screen }[source].value === "on";
}

function MutedBanner() {
  const { session, ui } = useRoom();
  const { view, role } = useView();
  const muted = ui.muted.value;
  if (muted === null || isOn(session.local, muted.source)) return null;
  const mayAgain = muted.source !== "screen" && maySend(view.stage, role, muted.source);
  const again = () => {
    ui.muted.value = null;
    if (muted.source === "mic") void session.publishing.toggleMic();
    if (muted.source === "camera") void session.publishing.toggleCamera();
  };
  return (
    <Banner
      icon={MicOff}
      data-testid="muted-by-host"
      action={
        <>
          {mayAgain && (
            <Button size="small" onClick={again}>{muted.source === "mic" ? en.tools.mic.off : en.tools.camera.off}</Button>
          )}
          <Button size="small" kind="quiet" onClick={() => (ui.muted.value = null)}>{en.banners.dismiss}</Button>
        </>
      }
    >
      {mutedWords(muted.source, nameOf(view, muted.by))}
    </Banner>
  );
}
