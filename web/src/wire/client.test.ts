import { decode, encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import type { Command } from "../state/model";
import { LiveClient, type Listener, PING_EVERY_MS, SILENCE_MS, type Status, type World } from "./client";
import { PassRefused } from "./pass";

const RAISE: Command = { type: "hand.raise" };

class FakeSocket {
  readyState = 0;
  binaryType = "";
  onopen: (() => void) | null = null;
  onclose: ((close: { code: number }) => void) | null = null;
  onmessage: ((message: { data: ArrayBuffer }) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];

  send(bytes: Uint8Array): void {
    this.sent.push(decode(bytes) as Record<string, unknown>);
  }
  close(): void {
    this.readyState = 3;
  }
  stand(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  tell(frame: Record<string, unknown>): void {
    const bytes = encode(frame);
    this.onmessage?.({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer });
  }
  welcome(seq: number, more: Record<string, unknown> = { view: { seq }, entries: null }): void {
    this.tell({ type: "welcome", participant: "p1", role: "learner", now: 0, seq, ...more });
  }
  cut(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

/** A world whose time passes only when told; `settle` lets promises run. */
class Bench implements World, Listener {
  time = 0;
  sockets: FakeSocket[] = [];
  passes: (() => Promise<never>)[] = [];
  statuses: Status[] = [];
  frames: { type: string; seq?: number }[] = [];
  pendingCount = 0;
  dice = 0.5;
  private timers: { id: number; at: number; run: () => void }[] = [];
  private ids = 0;
  readonly client = new LiveClient("c1", this, this);

  requestPass() {
    const failing = this.passes.shift();
    return failing ? failing() : Promise.resolve({ token: "t", participant: "p1", role: "learner", name: "Ana" });
  }
  openSocket(): WebSocket {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket as unknown as WebSocket;
  }
  after(ms: number, run: () => void): number {
    this.ids += 1;
    this.timers.push({ id: this.ids, at: this.time + ms, run });
    return this.ids;
  }
  cancel(timer: number): void {
    this.timers = this.timers.filter(({ id }) => id !== timer);
  }
  now(): number {
    return this.time;
  }
  chance(): number {
    return this.dice;
  }
  status(status: Status): void {
    this.statuses.push(status);
  }
  pending(pending: readonly unknown[]): void {
    this.pendingCount = pending.length;
  }
  welcome(): void {
    this.frames.push({ type: "welcome" });
  }
  frame(frame: { type: string; seq?: number }): void {
    this.frames.push(frame);
  }

  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await Promise.resolve().then(() => undefined).then(() => undefined);
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.cancel(next.id);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }
  get now_(): Status | undefined {
    return this.statuses.at(-1);
  }
}

async function live(): Promise<Bench> {
  const bench = new Bench();
  bench.client.open();
  await bench.pass(0);
  bench.socket.stand();
  bench.socket.welcome(5);
  return bench;
}

test("the first frame is a hello without a number, and the welcome makes it live", async () => {
  const bench = await live();
  expect(bench.socket.sent[0]).toEqual({ type: "hello", token: "t", client: "c1", last_seq: null });
  expect(bench.now_).toEqual({ phase: "live" });
});

test("after a loss the first try comes within a second and resumes from the last entry seen", async () => {
  const bench = await live();
  bench.socket.tell({ type: "entry", seq: 6, at: 1, actor: "p2", events: [], now: 1 });
  bench.socket.cut();
  expect(bench.now_).toEqual({ phase: "away", since: 0, attempt: 0 });
  await bench.pass(1_000);
  expect(bench.sockets).toHaveLength(2);
  bench.socket.stand();
  expect(bench.socket.sent[0]).toMatchObject({ type: "hello", last_seq: 6 });
});

test("entries missed and told again are passed on once, in order", async () => {
  const bench = await live();
  bench.socket.cut();
  await bench.pass(1_000);
  bench.socket.stand();
  const entry = (seq: number) => ({ type: "entry", seq, at: 1, actor: "p2", events: [], now: 1 });
  bench.socket.welcome(7, { view: null, entries: [entry(6), entry(7)] });
  bench.socket.tell(entry(7));
  bench.socket.tell(entry(8));
  expect(bench.frames.filter((frame) => frame.type === "entry").map((frame) => frame.seq)).toEqual([6, 7, 8]);
});

test("a command given while away is sent once there is a connection, and again until it is answered", async () => {
  const bench = await live();
  bench.socket.cut();
  const outcome = bench.client.send(RAISE);
  await bench.pass(1_000);
  bench.socket.stand();
  bench.socket.welcome(5);
  const commands = () => bench.socket.sent.filter((frame) => frame["type"] === "command");
  expect(commands()).toEqual([{ type: "command", counter: 1, command: RAISE }]);
  bench.socket.cut();
  await bench.pass(1_000);
  bench.socket.stand();
  bench.socket.welcome(6);
  expect(commands()).toEqual([{ type: "command", counter: 1, command: RAISE }]);
  bench.socket.tell({ type: "ack", counter: 1, seq: 6 });
  await expect(outcome).resolves.toEqual({ done: true, seq: 6 });
  expect(bench.pendingCount).toBe(0);
});

test("a refusal names its reason", async () => {
  const bench = await live();
  const outcome = bench.client.send(RAISE);
  bench.socket.tell({ type: "refused", counter: 1, reason: "not-allowed" });
  await expect(outcome).resolves.toEqual({ done: false, reason: "not-allowed" });
});

test("an acknowledged command whose effect is never shown stops being pending", async () => {
  const bench = await live();
  void bench.client.send(RAISE);
  bench.socket.tell({ type: "ack", counter: 1, seq: 9 });
  expect(bench.pendingCount).toBe(1);
  await bench.pass(2_000);
  expect(bench.pendingCount).toBe(0);
});

test("silence is taken for a loss even when no close is seen", async () => {
  const bench = await live();
  await bench.pass(SILENCE_MS + PING_EVERY_MS + 1_000);
  expect(bench.sockets.length).toBeGreaterThan(1);
});

test("pongs keep the connection", async () => {
  const bench = await live();
  for (let turn = 1; turn <= 6; turn += 1) {
    const n = bench.socket.sent.findLast((frame) => frame["type"] === "ping")?.["n"];
    bench.socket.tell({ type: "pong", n, now: bench.time });
    await bench.pass(PING_EVERY_MS);
  }
  expect(bench.sockets).toHaveLength(1);
});

test("the end of the class is for good; a server that shuts down is not", async () => {
  const ended = await live();
  ended.socket.tell({ type: "bye", reason: "ended" });
  ended.socket.cut();
  await ended.pass(60_000);
  expect(ended.sockets).toHaveLength(1);
  expect(ended.now_).toEqual({ phase: "over", reason: "ended" });

  const restarted = await live();
  restarted.socket.tell({ type: "bye", reason: "shutdown" });
  restarted.socket.cut();
  await restarted.pass(1_000);
  expect(restarted.sockets).toHaveLength(2);
});

test("a class that refuses before the welcome is not tried again; a pass used up is", async () => {
  const removed = new Bench();
  removed.client.open();
  await removed.pass(0);
  removed.socket.stand();
  removed.socket.tell({ type: "error", code: "roster.removed" });
  removed.socket.cut(4403);
  expect(removed.now_).toEqual({ phase: "over", reason: "roster.removed" });

  const late = new Bench();
  late.client.open();
  await late.pass(0);
  late.socket.stand();
  late.socket.tell({ type: "error", code: "token.used" });
  late.socket.cut(4401);
  await late.pass(1_000);
  expect(late.sockets).toHaveLength(2);
});

test("a pass refused for good ends it, a server that cannot be reached does not", async () => {
  const bench = new Bench();
  bench.passes = [() => Promise.reject(new Error("no network")), () => Promise.reject(new PassRefused("class.ended"))];
  bench.client.open();
  await bench.pass(0);
  expect(bench.now_?.phase).toBe("away");
  await bench.pass(1_000);
  expect(bench.now_).toEqual({ phase: "over", reason: "class.ended" });
});

test("waiting grows while the server stays away, and the person may cut it short", async () => {
  const bench = new Bench();
  const down = () => Promise.reject(new Error("no network"));
  bench.passes = [down, down, down, down];
  bench.client.open();
  await bench.pass(500 + 1_500 + 3_000);
  expect(bench.now_).toMatchObject({ phase: "away", attempt: 3 });
  bench.client.hurry();
  await bench.pass(0);
  expect(bench.sockets).toHaveLength(1);
});

test("pulses are dropped while away", async () => {
  const bench = await live();
  bench.socket.cut();
  expect(bench.client.say({ type: "pulse", pulse: { type: "typing" } })).toBe(false);
});
