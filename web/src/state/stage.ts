/** Who sends what: the browser's twin of `apply` in server/rooms/stage.py. */

import type { Event, Role, Source, Stage } from "./model";

const SPEAKERS: readonly Role[] = ["instructor", "assistant", "presenter"];
const HOSTS: readonly Role[] = ["instructor", "assistant"];
const ANYONE: readonly Role[] = [...SPEAKERS, "learner", "guest"];

const WHEN_UNLOCKED: Record<Source, readonly Role[]> = {
  mic: ANYONE,
  camera: ANYONE,
  screen: SPEAKERS,
  screen_audio: SPEAKERS,
};
const WHEN_LOCKED: Record<Source, readonly Role[]> = {
  mic: SPEAKERS,
  camera: SPEAKERS,
  screen: HOSTS,
  screen_audio: HOSTS,
};

/** Whether a role may send a source as things are; buttons say so before the server has to. */
export function maySend(stage: Stage, role: Role, source: Source): boolean {
  return (stage.locked.includes(source) ? WHEN_LOCKED : WHEN_UNLOCKED)[source].includes(role);
}

export function applyStage(stage: Stage, event: Event): Stage {
  switch (event.type) {
    case "class.opened":
      return { ...stage, locked: event.settings.locked };
    case "class.ended":
      return { ...stage, live: {} };
    case "stage.published":
      return sending(stage, event.participant, [...(stage.live[event.participant] ?? []), event.source]);
    case "stage.unpublished":
    case "stage.muted":
      return sending(
        stage,
        event.participant,
        (stage.live[event.participant] ?? []).filter((source) => source !== event.source),
      );
    case "stage.locked":
      return { ...stage, locked: [...stage.locked, event.source] };
    case "stage.unlocked":
      return { ...stage, locked: stage.locked.filter((source) => source !== event.source) };
    case "participant.dropped":
    case "participant.returned":
    case "participant.left":
      return sending(stage, event.participant, []);
    case "role.changed":
      return sending(
        stage,
        event.participant,
        (stage.live[event.participant] ?? []).filter((source) => maySend(stage, event.role, source)),
      );
    default:
      return stage;
  }
}

function sending(stage: Stage, participant: string, sources: Source[]): Stage {
  const { [participant]: _before, ...others } = stage.live;
  return { ...stage, live: sources.length > 0 ? { ...others, [participant]: sources } : others };
}
