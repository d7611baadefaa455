import { expect, test } from "vitest";
import { ServerClock } from "./clock";

test("half of the round trip is added to what the server said", () => {
  let local = 1_000;
  const clock = new ServerClock(() => local);
  local = 1_100;
  clock.observe(50_000, 1_000);
  expect(clock.now()).toBe(50_050);
  expect(clock.roundTrip).toBe(100);
});

test("a slower sample does not spoil a good one until that one is old", () => {
  let local = 0;
  const clock = new ServerClock(() => local);
  local = 10;
  clock.observe(1_000, 0);
  local = 5_000;
  clock.observe(9_000, 2_000);
  expect(clock.now()).toBe(5_995);
  local = 200_000;
  clock.observe(300_000, 199_000);
  expect(clock.now()).toBe(300_500);
});

test("a welcome sets the clock only before the first pong", () => {
  const clock = new ServerClock(() => 0);
  clock.hint(700);
  expect(clock.now()).toBe(700);
  clock.observe(500, 0);
  clock.hint(900);
  expect(clock.now()).toBe(500);
});
