/**
 * One person's stay in one class: the live connection, the view, the media connection and the devices, joined.
 *
 * Everything on screen reads these signals; everything people do goes out through `send` or `publishing`. The view is
 * moved on by the reducers alone (state/). What is *not* here: how anything looks.
 */

import { computed, signal } from "@preact/signals";
import { MediaConnection } from "../media/connection";
import { LipSync } from "../media/lipsync";
import type { LocalMedia } from "../media/local";
import type { PeerSource } from "../media/peers";
import { causeOf, countsOf, judge, reading, type Told, UNJUDGED, type Counts, type Quality, type Verdict, worse } from "../media/quality";
import { sameWishes, type Wishes } from "../media/slots";
import type { Classroom, Command, Event } from "../state/model";
import { applyEntry } from "../state/room";
import { browserWorld, freshClientId } from "../wire/browser";
import { LiveClient, type Passed, type Status, type Welcome } from "../wire/client";
import type { Pulse } from "../wire/messages";
import type { Outcome } from "../wire/outbox";
import type { Boot } from "./boot";
import type { Sending } from "./optimistic";
import { Publishing } from "./publishing";

const QUALITY_EVERY_MS = 3_000;

/** Who wants to know what happened in the class, beyond what the signals show (news, sounds, announcements). */
export interface Witness {
  changed(before: Classroom, after: Classroom, events: readonly Event[]): void;
  pulsed(participant: string, pulse: Pulse): void;
  refused(reason: string): void;
}

export class ClassSession {
  readonly view = signal<Classroom | null>(null);
  readonly me = signal("");
  readonly status = signal<Status>({ phase: "connecting" });
  readonly pending = signal<Sending>([]);
  /** The server's clock, ticking once a second. */
  readonly now = signal(Date.now());
  readonly speaker = signal<string | null>(null);
  readonly levels = signal<Readonly<Record<string, number>>>({});
  /** What this browser measures, and what the server tells. */
  private readonly measured = signal<Quality>("good");
  private readonly toldLink = signal<Told | null>(null);
  readonly quality = computed(() => worse(this.measured.value, this.toldLink.value?.quality ?? "good"));
  readonly cause = computed(() => causeOf(this.toldLink.value));
  /** For those who run the class: whose connection is not good. */
  readonly poorLinks = signal<Readonly<Record<string, Quality>>>({});
  readonly media: MediaConnection;
  readonly publishing: Publishing;
  witness: Witness = { changed: () => undefined, pulsed: () => undefined, refused: () => undefined };
  private readonly client: LiveClient;
  private readonly lipSync: LipSync;
  private wishes: Wishes = { wanted: [], cameras: null };
  private counts: Counts | null = null;
  private verdict: Verdict = UNJUDGED;
  /** Comes with each pass, for its passwords end. */
  private ice: readonly RTCIceServer[] = [];
  private readonly timers: number[] = [];

  constructor(
    readonly boot: Boot,
    readonly name: string,
    readonly local: LocalMedia,
    peers: PeerSource,
  ) {
    const world = browserWorld(boot.classId, { name, code: boot.code });
    const requestPass = async () => {
      const pass = await world.requestPass();
      this.ice = pass.ice ?? [];
      return pass;
    };
    this.client = new LiveClient(freshClientId(), { ...world, requestPass }, {
      status: (status) => this.connectionChanged(status),
      pending: (pending) => {
        this.pending.value = pending;
      },
      welcome: (frame) => this.welcomed(frame),
      frame: (frame) => this.told(frame),
    });
    const offer = (sdp: string, sources: Readonly<Record<string, string>>) =>
      this.client.say({ type: "media.offer", sdp, sources });
    this.media = new MediaConnection({ offer }, () => this.ice, peers);
    this.lipSync = new LipSync(this.media);
    this.publishing = new Publishing(local, this.media, (command) => this.send(command));
  }

  enter(): void {
    this.client.open();
    window.addEventListener("online", () => this.client.hurry());
    this.timers.push(window.setInterval(() => (this.now.value = this.client.clock.now()), 1_000));
    this.timers.push(window.setInterval(() => void this.measure(), QUALITY_EVERY_MS));
  }

  /** Do something in the class; a refusal is told to the witness and to the caller. */
  async send(command: Command): Promise<Outcome> {
    const outcome = await this.client.send(command);
    if (!outcome.done) this.witness.refused(outcome.reason);
    return outcome;
  }

  pulse(pulse: Pulse): void {
    this.client.pulse(pulse);
  }

  /** Ask for these pictures from now on. */
  watch(wishes: Wishes): void {
    if (sameWishes(wishes, this.wishes)) return;
    this.wishes = wishes;
    this.sayWishes();
  }

  reconnectNow(): void {
    this.client.hurry();
  }

  /** Leave on purpose. The server says goodbye; should it not, we go all the same. */
  leave(): void {
    void this.client.send({ type: "roster.leave" }).then(() => this.close("left"));
    this.timers.push(window.setTimeout(() => this.close("left"), 1_000));
  }

  close(reason: string): void {
    this.client.close(reason);
  }

  private connectionChanged(status: Status): void {
    this.status.value = status;
    if (status.phase !== "over") return;
    this.timers.forEach((timer) => window.clearTimeout(timer));
    this.publishing.close();
    this.lipSync.close();
    this.media.close();
    this.local.close();
  }

  private welcomed(frame: Welcome): void {
    this.me.value = frame.participant;
    this.now.value = frame.now;
    this.media.signallingIsBack(); // the offer is made while the room is drawn
    if (frame.view !== null) this.show(frame.view, []);
    // What is wrong is told anew to each connection; good news are not.
    this.toldLink.value = null;
    this.poorLinks.value = {};
    this.sayWishes();
  }

  private told(frame: Passed): void {
    switch (frame.type) {
      case "entry":
        if (this.view.value !== null) this.show(applyEntry(this.view.value, frame), frame.events);
        return;
      case "view":
        return this.show(frame.view, []);
      case "pulse":
        return this.witness.pulsed(frame.participant, frame.pulse);
      case "media.answer":
        void this.media.answered(frame.sdp).then(() => this.sayWishes());
        return;
      case "media.slots":
        return this.media.map(frame.slots);
      case "media.layers":
        return this.media.sendLayers(frame.source, frame.rids);
      case "media.levels":
        this.levels.value = frame.levels;
        this.speaker.value = frame.speaker ?? this.speaker.value;
        return;
      case "media.link":
        this.toldLink.value = frame;
        return;
      case "media.links":
        this.poorLinks.value = frame.links;
        return;
      case "media.lost":
        this.toldLink.value = null;
        return this.media.reportedLost();
      case "error":
        console.warn(`the server reports: ${frame.code}`);
        if (frame.code.startsWith("media.") && this.media.state.value === "connecting") this.media.lost();
        return;
      default:
        return frame satisfies never;
    }
  }

  private show(after: Classroom, events: readonly Event[]): void {
    const before = this.view.value;
    this.view.value = after;
    this.publishing.follow(after, events, this.me.value);
    this.witness.changed(before ?? after, after, events);
  }

  private sayWishes(): void {
    const { wanted, cameras } = this.wishes;
    this.client.say({ type: "media.watch", wanted: [...wanted], cameras });
  }

  private async measure(): Promise<void> {
    const connection = this.media.connection;
    if (connection === null || this.media.state.value !== "connected") {
      this.counts = null;
      return;
    }
    const report: Record<string, unknown>[] = [];
    (await connection.getStats()).forEach((stat: Record<string, unknown>) => report.push(stat));
    const counts = countsOf(report);
    if (this.counts !== null) this.verdict = judge(this.verdict, reading(this.counts, counts));
    this.counts = counts;
    this.measured.value = this.verdict.quality;
  }
}
