/** One's own picture in a mirror, with the switches for microphone and camera, and what is wrong with them. */

import { Mic, MicOff, Video, VideoOff } from "lucide";
import { Avatar, IconButton } from "../../design";
import type { LocalMedia } from "../../media/local";
import { en } from "../../strings/en";
import { VideoView } from "../stage/VideoView";
import { TroubleNote } from "./TroubleNote";
import { VoiceCheck } from "./VoiceCheck";

export function Preview({ local, name }: { local: LocalMedia; name: string }) {
  const track = local.cameraTrack.value;
  const micOn = local.mic.value === "on";
  const cameraOn = local.camera.value === "on";
  const words = local.camera.value === "starting" ? en.join.cameraStarting : en.join.cameraOff;
  const { microphone, camera } = local.troubles.value;
  const same = microphone !== undefined && microphone.reason === camera?.reason;
  return (
    <section class="preview" aria-label={en.join.preview}>
      <div class="preview-picture always-dark">
        {track !== null ? (
          <VideoView track={track} />
        ) : (
          <div class="preview-empty">
            <Avatar name={name} />
            <p>{words}</p>
          </div>
        )}
        <div class="preview-switches">
          <IconButton
            icon={micOn ? Mic : MicOff}
            label={micOn ? en.join.turnOff.microphone : en.join.turnOn.microphone}
            kind={micOn ? "soft" : "danger"}
            onClick={() => void local.setMic(!micOn)}
            data-testid="join-mic"
          />
          <IconButton
            icon={cameraOn ? Video : VideoOff}
            label={cameraOn ? en.join.turnOff.camera : en.join.turnOn.camera}
            kind={cameraOn ? "soft" : "danger"}
            onClick={() => void local.setCamera(!cameraOn)}
            data-testid="join-camera"
          />
        </div>
      </div>
      <VoiceCheck local={local} />
      {same && <TroubleNote trouble={microphone} both onRetry={() => void local.start()} />}
      {!same && microphone && <TroubleNote trouble={microphone} onRetry={() => void local.setMic(true)} />}
      {!same && camera && <TroubleNote trouble={camera} onRetry={() => void local.setCamera(true)} />}
    </section>
  );
}
