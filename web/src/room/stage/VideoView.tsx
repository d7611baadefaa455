/** A track on screen. The element keeps its stream while the track is the same: attaching anew would flash. */

import { useEffect, useRef } from "preact/hooks";

export function VideoView({ track }: { track: MediaStreamTrack }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (video === null) return;
    video.srcObject = new MediaStream([track]);
    // Safari needs to be asked; where it is refused, the next gesture starts it.
    void video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
    };
  }, [track]);
  return <video ref={element} autoplay playsInline muted disablePictureInPicture aria-hidden="true" />;
}
