import { expect, test } from "vitest";
import type { Command } from "../state/model";
import { handShown, messagesShown, voteShown } from "./optimistic";
import { classWith, person } from "./testing";

const sending = (...commands: Command[]) => commands.map((command, n) => ({ counter: n + 1, command, seq: null }));
const view = classWith([person("ana")]);

test("a hand goes up at once, and down again when the wish was refused", () => {
  expect(handShown(view, sending({ type: "hand.raise" }), "ana")).toBe(true);
  expect(handShown(view, [], "ana")).toBe(false);
  expect(handShown(view, sending({ type: "hand.raise" }, { type: "hand.lower", participant: "ana" }), "ana")).toBe(false);
});

test("the latest choice in a poll is shown before it is counted", () => {
  expect(voteShown(view, [], "ana", "p")).toBeNull();
  const both = sending({ type: "poll.vote", poll: "p", option: 0 }, { type: "poll.vote", poll: "p", option: 2 });
  expect(voteShown(view, both, "ana", "p")).toBe(2);
});

test("a message stands in the chat at once, marked as on its way, after those that arrived", () => {
  const chatty = classWith([person("ana"), person("bo")], {
    chat: { messages: [{ id: "m", room: "main", author: "bo", text: "hi", at: 1, deleted: false }] },
  });
  const shown = messagesShown(chatty, sending({ type: "chat.send", text: "hello" }), "ana", 9);
  expect(shown.map(({ text, pending }) => [text, pending])).toEqual([
    ["hi", false],
    ["hello", true],
  ]);
});

test("messages of the room one has left are not shown", () => {
  const apart = classWith([person("ana")], {
    chat: { messages: [{ id: "m", room: "main", author: "ana", text: "hi", at: 1, deleted: false }] },
    breakouts: { ...view.breakouts, phase: "open", where: { ana: "g" } },
  });
  expect(messagesShown(apart, [], "ana", 9)).toEqual([]);
});
