import { expect, test } from "vitest";
import { LayerSwitch } from "./layers";

/** A sender that takes its time, and refuses parameters that are not its newest, as browsers do. */
class Sender {
  readonly encodings: RTCRtpEncodingParameters[];
  private transaction = 0;
  changes = 0;

  constructor(...rids: readonly string[]) {
    this.encodings = rids.length > 0 ? rids.map((rid) => ({ rid, active: true })) : [{ active: true }];
  }
  getParameters() {
    this.transaction += 1;
    return { transactionId: String(this.transaction), encodings: this.encodings.map((one) => ({ ...one })) } as RTCRtpSendParameters;
  }
  async setParameters(parameters: RTCRtpSendParameters) {
    if (parameters.transactionId !== String(this.transaction)) throw new DOMException("stale", "InvalidModificationError");
    await Promise.resolve();
    parameters.encodings.forEach((encoding, n) => Object.assign(this.encodings[n] ?? {}, encoding));
    this.changes += 1;
  }
  get active() {
    return this.encodings.filter((encoding) => encoding.active).map((encoding) => encoding.rid ?? "");
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test("layers rest and come back", async () => {
  const sender = new Sender("l", "m", "h");
  const layers = new LayerSwitch(sender);
  layers.send(["l"]);
  await settled();
  expect(sender.active).toEqual(["l"]);
  layers.send(["l", "m", "h"]);
  await settled();
  expect(sender.active).toEqual(["l", "m", "h"]);
});

test("of wishes that come while one is granted only the last counts", async () => {
  const sender = new Sender("l", "m", "h");
  const layers = new LayerSwitch(sender);
  layers.send([]);
  layers.send(["l"]);
  layers.send(["l", "m"]);
  await settled();
  expect(sender.active).toEqual(["l", "m"]);
  expect(sender.changes).toBe(2);
});

test("a picture without layers rests as a whole", async () => {
  const sender = new Sender();
  const layers = new LayerSwitch(sender);
  layers.send([]);
  await settled();
  expect(sender.active).toEqual([]);
  layers.send([""]);
  await settled();
  expect(sender.active).toEqual([""]);
});
