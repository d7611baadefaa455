/**
 * The live connection to one class: says hello, resumes by sequence number, sends commands once, comes back by itself.
 *
 * Rules kept: one socket at a time; an entry is passed on once and in order; commands wait through a loss and are sent
 * again in order; after a loss the first try comes within a second (backoff.ts). It ends for good only when the server
 * says so (bye, or a pass refused for good) or `close()` is called.
 * What is *not* here: what entries mean (state/), what media frames mean (media/).
 */

import { waitBefore } from "./backoff";
import { ServerClock } from "./clock";
import type { Command } from "../state/model";
import { type ClientFrame, type EntryFrame, fromBytes, type Pulse, type ServerFrame, toBytes } from "./messages";
import { type Outcome, Outbox, type Pending } from "./outbox";
import { type Pass, PassRefused } from "./pass";

export type Welcome = Extract<ServerFrame, { type: "welcome" }>;
/** Everything the connection itself does not consume. */
export type Passed = Extract<
  ServerFrame,
  { type: "entry" | "view" | "pulse" | "media.answer" | "media.slots" | "media.layers" | "media.levels" | "media.link" | "media.links" | "media.lost" | "error" }
>;

export type Status =
  | { readonly phase: "connecting" }
  | { readonly phase: "live" }
  | { readonly phase: "away"; readonly since: number; readonly attempt: number }
  | { readonly phase: "over"; readonly reason: string };

export interface Listener {
  status(status: Status): void;
  pending(pending: readonly Pending<Command>[]): void;
  /** A connection stands. Its view, or the missed entries, are in the frame; entries are passed on one by one after. */
  welcome(frame: Welcome): void;
  frame(frame: Passed): void;
}

/** What the client needs of the world; tests bring their own. */
export interface World {
  requestPass(): Promise<Pass>;
  openSocket(): WebSocket;
  after(ms: number, run: () => void): number;
  cancel(timer: number): void;
  now(): number;
  chance(): number;
}

export const PING_EVERY_MS = 10_000;
/** Two pings unanswered: the way is gone, though no close has been seen (a laptop that slept, a dead Wi-Fi). */
export const SILENCE_MS = 22_000;
/** An acknowledged command whose effect we are not shown stops being "pending" after this. */
const FORGET_MS = 2_000;
/** The server ends these for good; anything else it says goodbye with, we come back from. */
const FINAL_BYES: ReadonlySet<string> = new Set(["ended", "removed", "elsewhere", "left", "bad-frames"]);
/** Closed before the welcome with one of these (server/http/wire.py, CLOSE_CODES: refused, ended), it stays closed. */
const FINAL_CLOSES: ReadonlySet<number> = new Set([4403, 4410]);

export class LiveClient {
  readonly clock: ServerClock;
  private readonly outbox: Outbox<Command>;
  private socket: WebSocket | null = null;
  private welcomed = false;
  private lastSeq: number | null = null;
  private attempt = 0;
  private awaySince: number | null = null;
  private retryTimer: number | null = null;
  private pingTimer: number | null = null;
  private pingCount = 0;
  private readonly pingsSentAt = new Map<number, number>();
  private lastHeard = 0;
  private lastError: string | null = null;
  private over = false;

  constructor(
    private readonly clientId: string,
    private readonly world: World,
    private readonly listener: Listener,
  ) {
    this.clock = new ServerClock(() => world.now());
    this.outbox = new Outbox((pending) => listener.pending(pending));
  }

  open(): void {
    this.listener.status({ phase: "connecting" });
    void this.connect();
  }

  /** Send a command now, or as soon as there is a connection; the promise tells how it went. */
  send(command: Command): Promise<Outcome> {
    const { sending, outcome } = this.outbox.add(command);
    if (this.over) this.outbox.refused(sending.counter, "class.ended");
    else if (this.welcomed) this.write({ type: "command", counter: sending.counter, command });
    return outcome;
  }

  /** Pulses and media wishes are only worth something now: without a connection they are dropped. */
  say(frame: Exclude<ClientFrame, { type: "hello" | "command" | "ping" }>): boolean {
    return this.welcomed && this.write(frame);
  }

  pulse(pulse: Pulse): void {
    this.say({ type: "pulse", pulse });
  }

  /** Try at once instead of waiting (the network came back, the person asked). */
  hurry(): void {
    if (this.retryTimer === null) return;
    this.world.cancel(this.retryTimer);
    this.retryTimer = null;
    void this.connect();
  }

  close(reason = "left"): void {
    this.finish(reason);
  }

  private async connect(): Promise<void> {
    let pass: Pass;
    try {
      pass = await this.world.requestPass();
    } catch (error) {
      if (this.over) return;
      if (error instanceof PassRefused) this.finish(error.code);
      else this.retry();
      return;
    }
    if (this.over) return;
    const socket = this.world.openSocket();
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.lastHeard = this.world.now();
    this.watchSilence();
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.write({ type: "hello", token: pass.token, client: this.clientId, last_seq: this.lastSeq });
    };
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (socket === this.socket && message.data instanceof ArrayBuffer) this.hear(message.data);
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.socket) return;
      const refused = !this.welcomed && FINAL_CLOSES.has(code);
      if (refused) this.finish(this.lastError ?? "refused");
      else this.lost();
    };
  }

  private hear(bytes: ArrayBuffer): void {
    this.lastHeard = this.world.now();
    const frame = fromBytes(bytes);
    if (frame === null) return;
    switch (frame.type) {
      case "welcome":
        return this.begin(frame);
      case "ack":
        this.outbox.acked(frame.counter, frame.seq, this.lastSeq ?? 0);
        this.world.after(FORGET_MS, () => this.outbox.forget(frame.counter));
        return;
      case "refused":
        return this.outbox.refused(frame.counter, frame.reason);
      case "pong":
        return this.heardPong(frame.n, frame.now);
      case "entry":
        return this.pass(frame);
      case "view":
        this.listener.frame(frame);
        return this.reached(frame.seq);
      case "bye":
        if (FINAL_BYES.has(frame.reason)) this.finish(frame.reason);
        return;
      case "error":
        this.lastError = frame.code;
        return this.listener.frame(frame);
      case "pulse":
      case "media.answer":
      case "media.slots":
      case "media.layers":
      case "media.levels":
      case "media.link":
      case "media.links":
      case "media.lost":
        return this.listener.frame(frame);
      default:
        return frame satisfies never;
    }
  }

  private begin(frame: Welcome): void {
    this.welcomed = true;
    this.attempt = 0;
    this.awaySince = null;
    this.clock.hint(frame.now);
    this.listener.welcome(frame);
    for (const entry of frame.entries ?? []) this.pass(entry);
    this.reached(frame.seq);
    this.listener.status({ phase: "live" });
    for (const { counter, command } of this.outbox.unanswered) this.write({ type: "command", counter, command });
    this.ping();
  }

  private pass(entry: EntryFrame): void {
    if (this.lastSeq !== null && entry.seq <= this.lastSeq) return;
    this.listener.frame(entry);
    this.reached(entry.seq);
  }

  /** What is shown now is the class as of `seq`; a whole view counts from its own number, whatever we had before. */
  private reached(seq: number): void {
    this.lastSeq = seq;
    this.outbox.seen(seq);
  }

  private heardPong(n: number, serverNow: number): void {
    const sentAt = this.pingsSentAt.get(n);
    this.pingsSentAt.delete(n);
    if (sentAt !== undefined) this.clock.observe(serverNow, sentAt);
  }

  private ping(): void {
    this.pingCount += 1;
    this.pingsSentAt.clear();
    this.pingsSentAt.set(this.pingCount, this.world.now());
    this.write({ type: "ping", n: this.pingCount });
  }

  private watchSilence(): void {
    this.pingTimer = this.world.after(PING_EVERY_MS, () => {
      if (this.world.now() - this.lastHeard > SILENCE_MS) return this.lost();
      if (this.welcomed) this.ping();
      this.watchSilence();
    });
  }

  private lost(): void {
    this.drop();
    if (!this.over) this.retry();
  }

  private retry(): void {
    const wait = waitBefore(this.attempt, this.world.chance());
    this.awaySince ??= this.world.now();
    this.listener.status({ phase: "away", since: this.awaySince, attempt: this.attempt });
    this.attempt += 1;
    this.retryTimer = this.world.after(wait, () => {
      this.retryTimer = null;
      void this.connect();
    });
  }

  private finish(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.drop();
    if (this.retryTimer !== null) this.world.cancel(this.retryTimer);
    this.retryTimer = null;
    this.outbox.abandon("class.ended");
    this.listener.status({ phase: "over", reason });
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.welcomed = false;
    if (this.pingTimer !== null) this.world.cancel(this.pingTimer);
    this.pingTimer = null;
    socket?.close(1000);
  }

  private write(frame: ClientFrame): boolean {
    if (this.socket === null || this.socket.readyState !== SOCKET_OPEN) return false;
    this.socket.send(toBytes(frame));
    return true;
  }
}

/** WebSocket.OPEN, spelled out so that this file also loads where there is no WebSocket. */
const SOCKET_OPEN = 1;
