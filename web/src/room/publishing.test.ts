import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { LocalMedia } from "../media/local";
import type { Command } from "../state/model";
import type { Outcome } from "../wire/outbox";
import { Publishing } from "./publishing";
import { classWith, person } from "./testing";

/** Devices without a browser: switches that do what they are told. */
function devices() {
  const local = {
    mic: signal("off"),
    camera: signal("off"),
    screen: signal("off"),
    micTrack: signal(null),
    cameraTrack: signal(null),
    sharesSound: false,
    onTrack: () => undefined,
    setMic: async (on: boolean) => ((local.mic.value = on ? "on" : "off"), true),
    setCamera: async (on: boolean) => ((local.camera.value = on ? "on" : "off"), true),
    stopScreen: () => (local.screen.value = "off"),
  };
  return local;
}

function stay(answer: (command: Command) => Outcome = () => ({ done: true, seq: 1 })) {
  const local = devices();
  const sent: string[] = [];
  const publishing = new Publishing(local as unknown as LocalMedia, { send: async () => undefined }, async (command) => {
    sent.push("source" in command ? `${command.type} ${command.source}` : command.type);
    return answer(command);
  });
  return { local, sent, publishing };
}

const empty = classWith([person("ana")]);
const heard = classWith([person("ana")], { stage: { live: { ana: ["mic"] }, locked: [] } });

test("nothing is asked for before one is in the class, then all that is on", () => {
  const { local, sent, publishing } = stay();
  local.mic.value = "on";
  expect(sent).toEqual([]);
  publishing.follow(empty, [], "ana");
  expect(sent).toEqual(["stage.publish mic"]);
});

test("a device that comes up late is published when it does, once", () => {
  const { local, sent, publishing } = stay();
  local.camera.value = "starting";
  publishing.follow(empty, [], "ana");
  local.camera.value = "on";
  publishing.follow(empty, [{ type: "hand.raised", participant: "bo" }], "ana");
  expect(sent).toEqual(["stage.publish camera"]);
});

test("muting and unmuting is told each time", async () => {
  const { sent, publishing } = stay();
  publishing.follow(empty, [], "ana");
  await publishing.toggleMic();
  await publishing.toggleMic();
  expect(sent).toEqual(["stage.publish mic", "stage.unpublish mic"]);
});

test("a mute by a host switches the device off and is not answered", async () => {
  const { local, sent, publishing } = stay();
  publishing.follow(empty, [], "ana");
  await publishing.toggleMic();
  publishing.follow(empty, [{ type: "stage.muted", participant: "ana", source: "mic", by: "tea" }], "ana");
  expect(local.mic.value).toBe("off");
  expect(sent).toEqual(["stage.publish mic"]);
});

test("a refusal takes the device back", async () => {
  const { local, publishing } = stay(() => ({ done: false, reason: "stage.locked" }));
  publishing.follow(empty, [], "ana");
  await publishing.toggleMic();
  await Promise.resolve();
  expect(local.mic.value).toBe("off");
});

test("after a return, what is on is published anew; what the class still has is not", async () => {
  const { sent, publishing } = stay();
  publishing.follow(empty, [], "ana");
  await publishing.toggleMic();
  publishing.follow(heard, [], "ana");
  expect(sent).toEqual(["stage.publish mic"]);
  publishing.follow(empty, [{ type: "participant.returned", participant: "ana", name: "Ana", role: "learner" }], "ana");
  expect(sent).toEqual(["stage.publish mic", "stage.publish mic"]);
});
