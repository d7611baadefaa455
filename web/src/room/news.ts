/**
 * What is worth telling this person about the step from one view to the next. Pure.
 *
 * Views are compared, not events: a fresh view (after a move, a promotion, a long absence) then tells as much as the
 * entries it stands for. Only who muted somebody is not in the view and is read from the entry (`mutedBy`).
 */

import type { Classroom, Event, Message, Poll, Role, Source } from "../state/model";
import { isHost, MAIN, roleOf, roomOf } from "./selectors";

export type News =
  | { readonly kind: "moved"; readonly room: string }
  | { readonly kind: "role"; readonly role: Role }
  | { readonly kind: "recording"; readonly change: "started" | "paused" | "resumed" | "stopped" }
  | { readonly kind: "poll-opened"; readonly poll: Poll }
  | { readonly kind: "poll-published"; readonly poll: Poll }
  | { readonly kind: "announced"; readonly text: string }
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "hand-raised"; readonly participant: string }
  | { readonly kind: "hand-lowered" }
  | { readonly kind: "help-asked"; readonly participant: string; readonly room: string };

export function newsBetween(before: Classroom, after: Classroom, me: string): readonly News[] {
  return [
    ...moved(before, after, me),
    ...promoted(before, after, me),
    ...recorded(before, after),
    ...polled(before, after),
    ...announced(before, after),
    ...written(before, after, me),
    ...hands(before, after, me),
    ...help(before, after, me),
  ];
}

function moved(before: Classroom, after: Classroom, me: string): readonly News[] {
  const room = roomOf(after, me);
  return room === roomOf(before, me) ? [] : [{ kind: "moved", room }];
}

function promoted(before: Classroom, after: Classroom, me: string): readonly News[] {
  const role = roleOf(after, me);
  return role === roleOf(before, me) ? [] : [{ kind: "role", role }];
}

function recorded({ recording: before }: Classroom, { recording: after }: Classroom): readonly News[] {
  if (before.phase === after.phase) return [];
  if (after.phase === "off") return [{ kind: "recording", change: "stopped" }];
  if (after.phase === "paused") return [{ kind: "recording", change: "paused" }];
  return [{ kind: "recording", change: before.phase === "paused" ? "resumed" : "started" }];
}

function polled(before: Classroom, after: Classroom): readonly News[] {
  const phases = new Map(before.polls.polls.map((poll) => [poll.id, poll.phase]));
  return after.polls.polls.flatMap((poll): News[] => {
    if (phases.get(poll.id) === poll.phase) return [];
    if (poll.phase === "open") return [{ kind: "poll-opened", poll }];
    // A poll that was over before we looked is old news.
    return poll.phase === "published" && phases.has(poll.id) ? [{ kind: "poll-published", poll }] : [];
  });
}

function announced({ breakouts: before }: Classroom, { breakouts: after }: Classroom): readonly News[] {
  const latest = before.announcements.at(-1)?.at ?? 0;
  return after.announcements.filter(({ at }) => at > latest).map(({ text }) => ({ kind: "announced", text }));
}

function written(before: Classroom, after: Classroom, me: string): readonly News[] {
  // Another room's past is not news.
  if (roomOf(before, me) !== roomOf(after, me)) return [];
  const known = new Set(before.chat.messages.map((message) => message.id));
  const fresh = after.chat.messages.filter((message) => !known.has(message.id) && message.author !== me);
  return fresh.length === 0 ? [] : [{ kind: "messages", messages: fresh }];
}

function hands({ hands: before }: Classroom, after: Classroom, me: string): readonly News[] {
  const was = new Set(before.queue.map((hand) => hand.participant));
  const is = new Set(after.hands.queue.map((hand) => hand.participant));
  const raised = isHost(roleOf(after, me))
    ? [...is].filter((participant) => !was.has(participant) && participant !== me)
    : [];
  return [
    ...raised.map((participant): News => ({ kind: "hand-raised", participant })),
    ...(was.has(me) && !is.has(me) ? [{ kind: "hand-lowered" } as const] : []),
  ];
}

function help({ breakouts: before }: Classroom, after: Classroom, me: string): readonly News[] {
  const known = new Set(before.help.map((call) => call.participant));
  return after.breakouts.help
    .filter((call) => !known.has(call.participant) && call.participant !== me && call.room !== MAIN)
    .map(({ participant, room }) => ({ kind: "help-asked", participant, room }));
}

export interface Muting {
  readonly source: Source;
  readonly by: string;
}

/** Who switched off which of this person's sources in an entry. */
export function mutedBy(events: readonly Event[], me: string): readonly Muting[] {
  return events.flatMap((event) =>
    event.type === "stage.muted" && event.participant === me ? [{ source: event.source, by: event.by }] : [],
  );
}
