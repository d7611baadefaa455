/** One person's camera or screen: the picture when it is there, the face of initials when not. */

import { useComputed } from "@preact/signals";
import { Pin, PinOff } from "lucide";
import { IconButton, Tile } from "../../design";
import { en } from "../../strings/en";
import type { MediaSlot } from "../../wire/messages";
import { useRoom, useView } from "../context";
import { handUp, sends } from "../selectors";
import type { Picture } from "./arrange";
import { VideoView } from "./VideoView";

/** Louder than this is speech, in -dBov (0 is loudest); silence is 127 (RFC 6464). */
const SPEECH_DBOV = 50;
/** The same on the scale of one's own meter. */
const SPEECH_LEVEL = 0.45;

export function PersonTile({ picture }: { picture: Picture }) {
  const { session, ui } = useRoom();
  const { view, me } = useView();
  const { participant, name, source } = picture;
  const mine = participant === me;
  const speaking = useComputed(() => {
    if (mine) return session.local.mic.value === "on" && session.local.meter.level.value > SPEECH_LEVEL;
    return (session.levels.value[participant] ?? 127) < SPEECH_DBOV;
  });
  const slot = mine ? null : session.media.mapping.value.find(participant, source);
  const track = mine ? ownTrack(session, source) : slotTrack(session, slot);
  const live = mine || sends(view, participant, source);
  const label = labelOf(picture, mine);
  const pinned = ui.pinned.value === participant;
  return (
    <Tile
      participant={participant}
      name={name}
      source={source}
      label={label}
      hasVideo={live && track !== null}
      mirrored={mine && source === "camera"}
      speaking={source === "camera" && speaking.value}
      muted={!sends(view, participant, "mic")}
      handRaised={source === "camera" && handUp(view, participant)}
      dimmed={session.status.value.phase !== "live" || view.roster.people[participant]?.presence === "dropped"}
      onDblClick={() => ui.pin(participant)}
    >
      {live && track !== null && <VideoView track={track} />}
      {live && slot?.shown === "stills" && (
        <p class="tile-note" data-testid="stills">{ui.savingData.value ? en.stage.stillsToSave : en.stage.stillsByLink}</p>
      )}
      {live && slot?.shown === "unplayable" && <p class="tile-note" data-testid="unplayable">{en.stage.unplayable[source](name)}</p>}
      {!(mine && source === "screen") && (
        <IconButton
          class="tile-pin"
          icon={pinned ? PinOff : Pin}
          label={pinned ? en.stage.unpin(name) : en.stage.pin(name)}
          size="small"
          pressed={pinned}
          tipSide="below"
          tipAlign="start"
          onClick={() => ui.pin(participant)}
        />
      )}
    </Tile>
  );
}

type Session = ReturnType<typeof useRoom>["session"];

function ownTrack(session: Session, source: Picture["source"]): MediaStreamTrack | null {
  return source === "screen" ? session.local.screenTrack.value : session.local.cameraTrack.value;
}

function slotTrack(session: Session, slot: MediaSlot | null): MediaStreamTrack | null {
  if (slot === null || slot.shown === "unplayable") return null;
  return session.media.tracks.value.get(slot.mid) ?? null;
}

function labelOf({ name, source }: Picture, mine: boolean): string {
  if (source === "screen") return mine ? en.stage.yourScreen : en.stage.screenOf(name);
  return mine ? en.stage.you : name;
}
