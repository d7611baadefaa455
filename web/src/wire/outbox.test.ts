import { expect, test } from "vitest";
import { Outbox } from "./outbox";

test("commands are numbered from one and stay until their effect is in the view", async () => {
  const outbox = new Outbox<string>();
  const { sending, outcome } = outbox.add("hand.raise");
  expect(sending.counter).toBe(1);
  outbox.acked(1, 7, 6);
  await expect(outcome).resolves.toEqual({ done: true, seq: 7 });
  expect(outbox.pending).toHaveLength(1);
  expect(outbox.unanswered).toHaveLength(0);
  outbox.seen(7);
  expect(outbox.pending).toHaveLength(0);
});

test("an entry that came before its acknowledgement leaves nothing pending", () => {
  const outbox = new Outbox<string>();
  outbox.add("hand.raise");
  outbox.acked(1, 7, 7);
  expect(outbox.pending).toHaveLength(0);
});

test("a refusal takes the command back and says why", async () => {
  const outbox = new Outbox<string>();
  const { outcome } = outbox.add("chat.send");
  outbox.refused(1, "not-allowed");
  await expect(outcome).resolves.toEqual({ done: false, reason: "not-allowed" });
  expect(outbox.pending).toHaveLength(0);
});

test("what was not answered is sent again in the order it was given", () => {
  const outbox = new Outbox<string>();
  outbox.add("one");
  outbox.add("two");
  outbox.add("three");
  outbox.acked(2, 5, 0);
  expect(outbox.unanswered.map((sending) => sending.command)).toEqual(["one", "three"]);
});

test("forgetting drops only what was acknowledged", () => {
  const outbox = new Outbox<string>();
  outbox.add("one");
  outbox.forget(1);
  expect(outbox.pending).toHaveLength(1);
  outbox.acked(1, 5, 0);
  outbox.forget(1);
  expect(outbox.pending).toHaveLength(0);
});

test("when the class is over for somebody, everything pending is answered", async () => {
  const outbox = new Outbox<string>();
  const { outcome } = outbox.add("one");
  outbox.abandon("class.ended");
  await expect(outcome).resolves.toEqual({ done: false, reason: "class.ended" });
});
