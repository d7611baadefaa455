/**
 * The sound of the class: one hidden <audio> for each receiving line. Which voice a line carries is the server's to say.
 *
 * Browsers hold back sound until the person has done something on the page; the click on "Join" usually is that. Where
 * it is not, a banner asks, and any click or key after that turns the sound on.
 */

import { useEffect, useRef } from "preact/hooks";
import { preferredDevice } from "../../media/devices";
import { useRoom } from "../context";

export function Sounds() {
  const { session } = useRoom();
  const tracks = [...session.media.tracks.value].filter(([, track]) => track.kind === "audio");
  return (
    <div hidden>
      {tracks.map(([mid, track]) => (
        <Sound key={mid} track={track} />
      ))}
    </div>
  );
}

function Sound({ track }: { track: MediaStreamTrack }) {
  const { ui } = useRoom();
  const element = useRef<HTMLAudioElement>(null);
  const blocked = ui.soundBlocked;
  const sink = ui.loudspeaker.value;
  useEffect(() => {
    const audio = element.current;
    if (audio === null) return;
    audio.srcObject = new MediaStream([track]);
    const start = () =>
      audio.play().then(
        () => (blocked.value = false),
        (error: unknown) => {
          if (error instanceof DOMException && error.name === "NotAllowedError") blocked.value = true;
        },
      );
    const onGesture = () => {
      if (blocked.value) void start();
    };
    void start();
    window.addEventListener("pointerdown", onGesture);
    window.addEventListener("keydown", onGesture);
    return () => {
      window.removeEventListener("pointerdown", onGesture);
      window.removeEventListener("keydown", onGesture);
      audio.srcObject = null;
    };
  }, [track, blocked]);
  useEffect(() => {
    const chosen = sink ?? preferredDevice("audiooutput");
    if (chosen !== null) void element.current?.setSinkId?.(chosen).catch(() => undefined);
  }, [sink]);
  return <audio ref={element} autoplay />;
}
