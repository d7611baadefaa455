/**
 * The view as it will be once what this person just did has been confirmed.
 *
 * Components show these in place of the bare view; a refusal drops the command from `pending`, and with it the
 * promise. Pure. What is *not* here: microphone and camera, which follow the device at once (media/local.ts).
 */

import type { Classroom, Command, Message } from "../state/model";
import type { Pending } from "../wire/outbox";
import { handUp, roomOf } from "./selectors";

export type Sending = readonly Pending<Command>[];

export function handShown(view: Classroom, pending: Sending, me: string): boolean {
  let up = handUp(view, me);
  for (const { command } of pending) {
    if (command.type === "hand.raise") up = true;
    if (command.type === "hand.lower" && command.participant === me) up = false;
  }
  return up;
}

/** The option one has chosen, or is just choosing; null for none. */
export function voteShown(view: Classroom, pending: Sending, me: string, pollId: string): number | null {
  const counted = view.polls.polls.find((poll) => poll.id === pollId)?.votes[me] ?? null;
  return pending.reduce<number | null>(
    (vote, { command }) => (command.type === "poll.vote" && command.poll === pollId ? command.option : vote),
    counted,
  );
}

export interface ShownMessage extends Message {
  readonly pending: boolean;
}

export function messagesShown(view: Classroom, pending: Sending, me: string, now: number): readonly ShownMessage[] {
  const room = roomOf(view, me);
  const gone = new Set(pending.flatMap(({ command }) => (command.type === "chat.delete" ? [command.message] : [])));
  const sent = view.chat.messages
    .filter((message) => message.room === room)
    .map((message) => ({ ...message, deleted: message.deleted || gone.has(message.id), pending: false }));
  const sending = pending.flatMap(({ command, counter }) =>
    command.type === "chat.send"
      ? [{ id: `sending-${counter}`, room, author: me, text: command.text, at: now, deleted: false, pending: true }]
      : [],
  );
  return [...sent, ...sending];
}

/** True while a command of this type is on its way: its button shows that it is busy. */
export function isSending(pending: Sending, type: Command["type"]): boolean {
  return pending.some(({ command }) => command.type === type);
}
