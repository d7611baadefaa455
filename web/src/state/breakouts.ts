/** Breakout groups and who is where: the browser's twin of `apply` in server/rooms/breakouts.py. */

import type { Breakouts, Event, Group } from "./model";

const MAIN = "main";
const ANNOUNCEMENTS_KEPT = 50;

const NONE: Breakouts = { phase: "none", groups: [], closes_at: 0, where: {}, announcements: [], help: [] };

export function applyBreakouts(breakouts: Breakouts, event: Event, at: number): Breakouts {
  switch (event.type) {
    case "breakouts.planned":
      return event.groups.length > 0 ? { ...NONE, phase: "planned", groups: event.groups } : NONE;
    case "breakouts.assigned":
      return {
        ...breakouts,
        groups: breakouts.groups.map((group) => regrouped(group, event.participant, event.group)),
      };
    case "breakouts.opened": {
      const places = event.groups.flatMap((group) => group.members.map((member) => [member, group.id] as const));
      return { ...NONE, phase: "open", groups: event.groups, closes_at: event.closes_at, where: Object.fromEntries(places) };
    }
    case "breakouts.announced": {
      const kept = breakouts.announcements.slice(1 - ANNOUNCEMENTS_KEPT);
      return { ...breakouts, announcements: [...kept, { text: event.text, at, by: event.by }] };
    }
    case "breakouts.recalled":
      return { ...breakouts, phase: "closing", closes_at: event.closes_at };
    case "breakouts.closed":
      return NONE;
    case "participant.moved":
      return placed(breakouts, event.participant, event.room);
    case "participant.left":
      return event.participant in breakouts.where ? placed(breakouts, event.participant, MAIN) : breakouts;
    case "help.asked":
      return { ...breakouts, help: [...breakouts.help, { participant: event.participant, room: event.room, at }] };
    case "help.answered":
      return withoutCall(breakouts, event.participant);
    default:
      return breakouts;
  }
}

function regrouped(group: Group, participant: string, chosen: string): Group {
  const isMember = group.members.includes(participant);
  if (isMember === (group.id === chosen)) return group;
  return isMember
    ? { ...group, members: group.members.filter((member) => member !== participant) }
    : { ...group, members: [...group.members, participant] };
}

function placed(breakouts: Breakouts, participant: string, room: string): Breakouts {
  const { [participant]: _before, ...others } = breakouts.where;
  const where = room === MAIN ? others : { ...others, [participant]: room };
  return withoutCall({ ...breakouts, where }, participant);
}

function withoutCall(breakouts: Breakouts, participant: string): Breakouts {
  return { ...breakouts, help: breakouts.help.filter((call) => call.participant !== participant) };
}
