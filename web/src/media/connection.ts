/**
 * The one media connection of a participant: offers once, then tracks and slots come and go without another offer.
 *
 * A connection that falters is first offered again with an ICE restart: if the server still has it, everything goes on
 * where it was. Only where that does not help is there a new RTCPeerConnection with the same tracks. What the person
 * sends is remembered here by source, so a new connection carries it at once.
 * What is *not* here: devices (local.ts), the wire (it is handed in), what a slot is shown as (room/stage).
 */

import { computed, signal } from "@preact/signals";
import { waitBefore } from "../wire/backoff";
import type { MediaSlot } from "../wire/messages";
import { LayerSwitch } from "./layers";
import { type Lines, sourcesByMid } from "./lines";
import type { PeerSource } from "./peers";
import { describeOffer } from "./repair";
import { mappingOf } from "./slots";
import type { Source } from "./sources";

export type LinkState = "new" | "connecting" | "connected" | "lost";

/** After a return, the server repeats the mapping to whom it still has a media connection with; others must offer. */
const PROOF_WITHIN_MS = 1_000;

/** A path that is silent this long seldom comes back by itself: the cable was pulled, the phone left the Wi-Fi. */
const RESTART_AFTER_MS = 2_000;

/** A restart that has brought no path by then will not. */
const RESTART_WITHIN_MS = 5_000;

/** An offer that has brought no connection by then will not; say so and try afresh. */
const CONNECT_WITHIN_MS = 12_000;

export interface Signalling {
  /** False when there is no way to the server now; the next welcome asks again. */
  offer(sdp: string, sources: Readonly<Record<string, string>>): boolean;
}

export class MediaConnection {
  readonly state = signal<LinkState>("new");
  readonly slots = signal<readonly MediaSlot[]>([]);
  readonly mapping = computed(() => mappingOf(this.slots.value));
  /** The receiving lines' tracks by mid; each lives as long as its connection, whatever it carries. */
  readonly tracks = signal<ReadonlyMap<string, MediaStreamTrack>>(new Map());
  /** True once an offer has failed: most likely a firewall. Cleared by the first connection. */
  readonly unreachable = signal(false);
  negotiations = 0;
  connection: RTCPeerConnection | null = null;

  private lines: Lines | null = null;
  private readonly outgoing = new Map<Source, MediaStreamTrack>();
  private readonly switches = new WeakMap<RTCRtpSender, LayerSwitch>();
  private attempt = 0;
  private restarting = false;
  private timer: number | undefined;
  private proofTimer: number | undefined;

  constructor(
    private readonly signalling: Signalling,
    private readonly iceServers: () => readonly RTCIceServer[],
    private readonly peers: PeerSource,
  ) {}

  /** Make a new connection and offer it, leaving the old one behind. */
  async negotiate(): Promise<void> {
    this.discard();
    this.state.value = "connecting";
    const { connection, lines } = this.peers.take(this.iceServers());
    this.connection = connection;
    connection.onconnectionstatechange = () => {
      if (connection === this.connection) this.changed(connection.connectionState);
    };
    this.lines = lines;
    await Promise.all([...this.outgoing.keys()].map((source) => this.attach(source)));
    await describeOffer(connection);
    if (connection !== this.connection) return;
    this.tracks.value = new Map(lines.receiving.map((line) => [line.mid ?? "", line.receiver.track]));
    const offered = this.signalling.offer(connection.localDescription?.sdp ?? "", sourcesByMid(lines));
    if (!offered) return;
    this.negotiations += 1;
    this.expectWithin(CONNECT_WITHIN_MS);
  }

  async answered(sdp: string): Promise<void> {
    const connection = this.connection;
    if (connection === null || connection.signalingState !== "have-local-offer") return;
    const before = connection.currentRemoteDescription?.sdp;
    if (before !== undefined && sessionOf(before) !== sessionOf(sdp)) return this.negotiate();
    try {
      await connection.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      console.warn("the answer could not be used", error);
      this.lost();
    }
  }

  /** The server says what the receiving lines carry now. */
  map(slots: readonly MediaSlot[]): void {
    window.clearTimeout(this.proofTimer);
    this.slots.value = slots;
  }

  /** The live connection stands (again). Media often survives that; where it has not, start anew. */
  signallingIsBack(): void {
    window.clearTimeout(this.proofTimer);
    const faltering = this.state.value === "lost" && this.connection !== null && !this.restarting;
    if (faltering) void this.restart();
    else if (this.state.value !== "connected") void this.negotiate();
    else this.proofTimer = window.setTimeout(() => void this.negotiate(), PROOF_WITHIN_MS);
  }

  /** The server says a media connection is gone. While an offer is on its way, that was the one before it. */
  reportedLost(): void {
    if (this.connection?.signalingState !== "have-local-offer") this.lost();
  }

  /** Look for another path of the same connection; once in a row, then it is lost. */
  async restart(): Promise<void> {
    window.clearTimeout(this.timer);
    const connection = this.connection;
    const lines = this.lines;
    if (connection === null || lines === null || this.restarting || connection.signalingState !== "stable") {
      return this.lost();
    }
    this.restarting = true;
    this.timer = window.setTimeout(() => this.lost(), RESTART_WITHIN_MS);
    await describeOffer(connection, { iceRestart: true });
    if (connection !== this.connection) return;
    const offered = this.signalling.offer(connection.localDescription?.sdp ?? "", sourcesByMid(lines));
    if (offered) this.negotiations += 1;
  }

  /** Give up this connection and make another in a moment. */
  lost(): void {
    this.discard();
    this.state.value = "lost";
    this.timer = window.setTimeout(() => void this.negotiate(), waitBefore(this.attempt, Math.random()));
    this.attempt += 1;
  }

  /** Send this track as `source` from now on, or nothing. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (track === null) this.outgoing.delete(source);
    else this.outgoing.set(source, track);
    await this.attach(source);
  }

  /** Send these layers of a picture and rest the others; a new connection begins with all of them. */
  sendLayers(source: string, rids: readonly string[]): void {
    // What is said before the answer was meant for the connection before.
    if (this.connection?.remoteDescription === null) return;
    const sender = this.lines?.sending.get(source as Source)?.sender;
    if (sender === undefined) return;
    const layers = this.switches.get(sender) ?? new LayerSwitch(sender);
    this.switches.set(sender, layers);
    layers.send(rids);
  }

  close(): void {
    this.discard();
    this.state.value = "new";
  }

  private async attach(source: Source): Promise<void> {
    const sender = this.lines?.sending.get(source)?.sender;
    if (sender !== undefined) await sender.replaceTrack(this.outgoing.get(source) ?? null);
  }

  private changed(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      window.clearTimeout(this.timer);
      this.restarting = false;
      this.attempt = 0;
      this.unreachable.value = false;
      this.state.value = "connected";
    } else if (state === "failed") {
      this.state.value = "lost";
      void this.restart();
    } else if (state === "disconnected" && !this.restarting) {
      this.state.value = "lost"; // often heals by itself
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.restart(), RESTART_AFTER_MS);
    }
  }

  private expectWithin(ms: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.state.value !== "connecting") return;
      this.unreachable.value = true;
      this.lost();
    }, ms);
  }

  private discard(): void {
    window.clearTimeout(this.timer);
    window.clearTimeout(this.proofTimer);
    const connection = this.connection;
    this.connection = null;
    this.lines = null;
    this.restarting = false;
    this.slots.value = [];
    if (connection === null) return;
    connection.onconnectionstatechange = null;
    connection.close();
  }
}

/** The session number of a description (RFC 8866 5.2): another one in an answer is another connection. */
function sessionOf(sdp: string): string {
  return /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? "";
}
