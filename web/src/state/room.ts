/**
 * The class as one viewer sees it, moved on entry by entry: the browser's twin of `apply` in server/rooms/room.py.
 *
 * Pure; used live and by the player alike. The same vectors test both (tests/vectors). Never refuses: what was told has
 * happened. An event of a kind this page does not know (a newer server) changes nothing but the number.
 */

import { applyBreakouts } from "./breakouts";
import { applyChat } from "./chat";
import { applyHands } from "./hands";
import type { Classroom, Entry, Event } from "./model";
import { applyPolls } from "./polls";
import { applyRecording } from "./recording";
import { applyRoster } from "./roster";
import { applyStage } from "./stage";

/** The view after an entry. */
export function applyEntry(view: Classroom, entry: Entry): Classroom {
  const after = entry.events.reduce((before, event) => applyEvent(before, event, entry.at), view);
  return { ...after, seq: entry.seq };
}

function applyEvent(view: Classroom, event: Event, at: number): Classroom {
  return {
    ...applyToClass(view, event, at),
    roster: applyRoster(view.roster, event, at),
    chat: applyChat(view.chat, event, at),
    polls: applyPolls(view.polls, event, at),
    breakouts: applyBreakouts(view.breakouts, event, at),
    stage: applyStage(view.stage, event),
    recording: applyRecording(view.recording, event, at),
  };
}

/** The class's own two facts, and the hands, which do not outlive it. */
function applyToClass(view: Classroom, event: Event, at: number): Classroom {
  switch (event.type) {
    case "class.opened":
      return { ...view, title: event.title, settings: event.settings, opened_at: at };
    case "class.ended":
      return { ...view, phase: "ended", ended_at: at, hands: { queue: [] } };
    default:
      return { ...view, hands: applyHands(view.hands, event, at) };
  }
}
