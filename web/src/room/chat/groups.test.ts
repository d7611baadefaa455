import { expect, test } from "vitest";
import type { ShownMessage } from "../optimistic";
import { grouped, pieces } from "./groups";

const message = (id: string, author: string, at: number): ShownMessage => ({
  id,
  room: "main",
  author,
  text: id,
  at,
  deleted: false,
  pending: false,
});

test("what one person writes in a row stands together, until a while has passed", () => {
  const groups = grouped([
    message("a", "ana", 0),
    message("b", "ana", 60_000),
    message("c", "bo", 61_000),
    message("d", "ana", 62_000),
    message("e", "ana", 62_000 + 180_000),
  ]);
  expect(groups.map((group) => group.messages.map(({ id }) => id))).toEqual([["a", "b"], ["c"], ["d"], ["e"]]);
});

test("links are cut out, without the full stop behind them", () => {
  expect(pieces("see https://example.org/a?b=c. Bye")).toEqual([
    { text: "see " },
    { link: "https://example.org/a?b=c" },
    { text: ". Bye" },
  ]);
});

test("other schemes stay text", () => {
  expect(pieces("javascript:alert(1) data:text/html,x")).toEqual([{ text: "javascript:alert(1) data:text/html,x" }]);
  expect(pieces("")).toEqual([]);
});
