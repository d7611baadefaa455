/** What the shared vectors are too small to show: how much chat is kept (server/rooms/chat.py, test_chat.py). */

import { expect, test } from "vitest";
import { applyChat } from "./chat";
import type { Chat } from "./model";

function said(count: number, text: string, room = "main", chat: Chat = { messages: [] }): Chat {
  for (let n = 0; n < count; n++) {
    const message = `${room}-${chat.messages.length}-${n}`;
    chat = applyChat(chat, { type: "chat.sent", message, room, author: "bo", text }, n);
  }
  return chat;
}

test.each([
  ["x", 100],
  ["\u00bd", 100],
  ["\u{1f642}", 50],
])("long messages of %s push out the oldest ones", (letter, kept) => {
  const chat = said(150, letter.repeat(4_000), "main", said(1, "first"));
  expect(chat.messages.length).toBe(kept);
});

test("a busy room pushes out only its own messages", () => {
  const chat = said(1_001, "red", "red", said(1, "main"));
  expect(chat.messages.map(({ room }) => room).filter((room) => room === "red").length).toBe(1_000);
  expect(chat.messages[0]?.text).toBe("main");
});

test("long messages of closed rooms do not pile up", () => {
  const open = said(60, "y".repeat(4_000), "blue", said(60, "x".repeat(4_000), "red", said(1, "main")));
  const closed = applyChat(open, { type: "breakouts.closed" }, 1);
  expect(closed.messages.map(({ room }) => room).filter((room) => room === "red").length).toBe(40);
  expect(closed.messages.length).toBe(101);
});
