import { describe, expect, test } from "vitest";
import { correction, nextRate, pause, play, positionOf, seek, setRate, settle, stall, startClock, unstall } from "./clock";

const END = 60_000;

describe("the media clock", () => {
  test("stands until it is told to play, then runs with the time that passes", () => {
    const clock = startClock(5_000, 100);
    expect(positionOf(clock, 9_000, END)).toBe(5_000);
    expect(positionOf(play(clock, 9_000, END), 9_250, END)).toBe(5_250);
  });

  test("runs at its rate, and a change of rate moves nothing", () => {
    const fast = setRate(play(startClock(0, 0), 0, END), 2, 1_000, END);
    expect(positionOf(fast, 1_000, END)).toBe(1_000);
    expect(positionOf(fast, 2_000, END)).toBe(3_000);
  });

  test("waiting for media takes no time on it", () => {
    const waiting = stall(play(startClock(0, 0), 0, END), 1_000, END);
    expect(positionOf(waiting, 5_000, END)).toBe(1_000);
    expect(positionOf(unstall(waiting, 5_000), 5_500, END)).toBe(1_500);
  });

  test("a pause while it waits does not go on by itself later", () => {
    const paused = pause(stall(play(startClock(0, 0), 0, END), 1_000, END), 2_000, END);
    expect(paused.stalled).toBe(false);
    expect(positionOf(paused, 9_000, END)).toBe(1_000);
  });

  test("a seek lands where it should, is counted, and stays inside", () => {
    const clock = seek(play(startClock(0, 0), 0, END), 30_000, 500, END);
    expect(positionOf(clock, 700, END)).toBe(30_200);
    expect(clock.jumps).toBe(1);
    expect(positionOf(seek(clock, -5, 800, END), 800, END)).toBe(0);
    expect(positionOf(seek(clock, 99_999, 800, END), 900, END)).toBe(END);
  });

  test("never runs beyond the end", () => {
    expect(positionOf(play(startClock(59_000, 0), 0, END), 5_000, END)).toBe(END);
  });

  test("goes by the media once they have started", () => {
    const clock = settle(play(startClock(0, 0), 0, END), -80);
    expect(positionOf(clock, 500, END)).toBe(420);
  });
});

test("speeds go step by step between half and double", () => {
  expect([nextRate(1, 1), nextRate(1, -1), nextRate(2, 1), nextRate(0.5, -1), nextRate(1.1, 1)]).toEqual([1.25, 0.75, 2, 0.5, 1.25]);
});

describe("meeting the clock again", () => {
  test("a difference nobody hears is left alone", () => expect(correction(15, 1, 1)).toEqual({ kind: "none" }));
  test("ahead slows down a little, behind speeds up, at the chosen speed", () => {
    expect(correction(60, 1, 1)).toEqual({ kind: "rate", rate: 0.96 });
    expect(correction(-60, 1.5, 1.5)).toEqual({ kind: "rate", rate: 1.56 });
  });
  test("goes on until it is really there, then keeps the chosen speed", () => {
    expect(correction(10, 1, 0.96)).toEqual({ kind: "rate", rate: 0.96 });
    expect(correction(3, 1, 0.96)).toEqual({ kind: "rate", rate: 1 });
  });
  test("far off jumps", () => expect(correction(-130, 1, 1)).toEqual({ kind: "jump" }));
});
