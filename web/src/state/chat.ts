/** Messages, oldest first: the browser's twin of `apply` in server/rooms/chat.py. */

import type { Chat, Event, Message } from "./model";

const MESSAGES_KEPT = 1_000;
const UNITS_KEPT = 400_000;
const MAIN = "main";

export function applyChat(chat: Chat, event: Event, at: number): Chat {
  switch (event.type) {
    case "chat.sent": {
      const { message: id, room, author, text } = event;
      return { messages: [...makeSpace(chat.messages, room, text), { id, room, author, text, at, deleted: false }] };
    }
    case "chat.deleted":
      return {
        messages: chat.messages.map((message) =>
          message.id === event.message ? { ...message, text: "", deleted: true } : message,
        ),
      };
    case "breakouts.closed":
      return { messages: forgetOldRooms(chat.messages) };
    default:
      return chat;
  }
}

/** Room by room, so that a busy breakout room does not push out the messages of the others. */
function makeSpace(messages: Message[], room: string, text: string): Message[] {
  const here = messages.filter((message) => message.room === room);
  return without(messages, here.slice(0, surplusOf(here, MESSAGES_KEPT - 1, UNITS_KEPT - text.length)));
}

function forgetOldRooms(messages: Message[]): Message[] {
  const closed = messages.filter((message) => message.room !== MAIN);
  return without(messages, closed.slice(0, surplusOf(closed, MESSAGES_KEPT, UNITS_KEPT)));
}

/** How many of the oldest have to go. */
function surplusOf(messages: readonly Message[], most: number, mostUnits: number): number {
  let units = messages.reduce((sum, { text }) => sum + text.length, 0);
  let surplus = 0;
  for (const { text } of messages) {
    if (messages.length - surplus <= most && units <= mostUnits) break;
    units -= text.length;
    surplus += 1;
  }
  return surplus;
}

function without(messages: Message[], gone: readonly Message[]): Message[] {
  return gone.length === 0 ? messages : messages.filter((message) => !gone.includes(message));
}
