import { expect, test } from "vitest";
import { troubleBefore, troubleOf } from "./trouble";

const thrown = (name: string, message = "") => new DOMException(message, name);

test.each([
  ["NotAllowedError", "blocked"],
  ["NotFoundError", "missing"],
  ["NotReadableError", "busy"],
  ["OverconstrainedError", "missing"],
  ["TypeError", "failed"],
] as const)("%s from a camera means %s", (name, reason) => {
  expect(troubleOf("camera", thrown(name))).toEqual({ device: "camera", reason });
});

test("a system-wide refusal is told apart from the page's own", () => {
  expect(troubleOf("microphone", thrown("NotAllowedError", "Permission denied by system")).reason).toBe("system-blocked");
});

test("closing the screen chooser is not an error", () => {
  expect(troubleOf("screen", thrown("NotAllowedError")).reason).toBe("cancelled");
});

test("a page without https is told so before anything is asked", () => {
  expect(troubleBefore("camera", { secure: false, able: false })?.reason).toBe("insecure");
  expect(troubleBefore("camera", { secure: true, able: false })?.reason).toBe("unsupported");
  expect(troubleBefore("camera", { secure: true, able: true })).toBeNull();
});

test("what is not an error at all still gives a reason", () => {
  expect(troubleOf("camera", "boom").reason).toBe("failed");
});
