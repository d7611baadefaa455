/**
 * What this person's own devices are doing: microphone, camera, shared screen.
 *
 * Rules kept: muting keeps the microphone open but silent (unmuting is instant, and "You are muted" can be noticed);
 * stopping the camera lets go of it, so its light goes out. Whoever sends tracks hears every change by `onTrack`.
 * What is *not* here: whether one may be heard or seen; that is the class's to say (stage).
 */

import { signal } from "@preact/signals";
import { openBoth, openCamera, openMicrophone, openScreen } from "./capture";
import { type DeviceKind, preferDevice } from "./devices";
import { Meter } from "./meter";
import type { Source } from "./sources";
import { type Device, type Trouble, troubleOf } from "./trouble";

export type Wish = "off" | "starting" | "on";

export class LocalMedia {
  readonly mic = signal<Wish>("off");
  readonly camera = signal<Wish>("off");
  readonly screen = signal<Wish>("off");
  readonly micTrack = signal<MediaStreamTrack | null>(null);
  readonly cameraTrack = signal<MediaStreamTrack | null>(null);
  readonly screenTrack = signal<MediaStreamTrack | null>(null);
  /** What is wrong with each device now, in words the catalogue knows. */
  readonly troubles = signal<Partial<Record<Device, Trouble>>>({});
  readonly meter = new Meter();
  private screenSound: MediaStreamTrack | null = null;
  /** Counts goodbyes: what was asked for before one is let go of when it comes after. */
  private visit = 0;
  private before = { mic: false, camera: false };

  /** Called with each track to send from now on, and with null when there is none. */
  onTrack: (source: Source, track: MediaStreamTrack | null) => void = () => undefined;

  /** Microphone and camera together, as one question; what cannot be had is explained in `troubles`. */
  async start(): Promise<void> {
    const visit = this.visit;
    this.mic.value = "starting";
    this.camera.value = "starting";
    const both = await openBoth().catch(() => null);
    if (visit !== this.visit) {
      both?.mic.stop();
      both?.camera.stop();
    } else if (both !== null) {
      this.took("mic", both.mic);
      this.took("camera", both.camera);
    } else {
      if (this.mic.value === "starting") this.took("mic", await this.attempt("microphone", openMicrophone));
      if (this.camera.value === "starting" && visit === this.visit) {
        this.took("camera", await this.attempt("camera", openCamera));
      }
    }
  }

  async setMic(on: boolean): Promise<boolean> {
    const track = this.micTrack.value;
    if (!on || track !== null) {
      if (track !== null) track.enabled = on;
      this.mic.value = on ? "on" : "off";
      return true;
    }
    this.mic.value = "starting";
    return this.took("mic", await this.attempt("microphone", openMicrophone));
  }

  async setCamera(on: boolean): Promise<boolean> {
    if (!on) {
      this.useCamera(null);
      this.camera.value = "off";
      return true;
    }
    if (this.cameraTrack.value !== null) return true;
    this.camera.value = "starting";
    return this.took("camera", await this.attempt("camera", openCamera));
  }

  async startScreen(): Promise<boolean> {
    this.screen.value = "starting";
    const opened = await this.attempt("screen", openScreen);
    if (opened === null) {
      this.screen.value = "off";
      return false;
    }
    this.screenTrack.value = opened.screen;
    this.screenSound = opened.sound;
    opened.screen.onended = () => this.stopScreen();
    this.onTrack("screen", opened.screen);
    this.onTrack("screen_audio", opened.sound);
    this.screen.value = "on";
    return true;
  }

  get sharesSound(): boolean {
    return this.screenSound !== null;
  }

  stopScreen(): void {
    this.screenTrack.value?.stop();
    this.screenSound?.stop();
    this.screenTrack.value = null;
    this.screenSound = null;
    this.screen.value = "off";
    this.onTrack("screen", null);
    this.onTrack("screen_audio", null);
  }

  /** Use another microphone or camera from now on. */
  async choose(kind: Exclude<DeviceKind, "audiooutput">, id: string): Promise<void> {
    preferDevice(kind, id);
    if (kind === "audioinput" && this.micTrack.value !== null) {
      const fresh = await this.attempt("microphone", openMicrophone);
      if (fresh !== null) this.useMic(fresh);
    } else if (kind === "videoinput" && this.cameraTrack.value !== null) {
      // Some cameras cannot be opened while another one is open: let go first.
      this.useCamera(null);
      this.camera.value = "off";
      await this.setCamera(true);
    }
  }

  forgive(device: Device): void {
    const { [device]: _gone, ...others } = this.troubles.value;
    this.troubles.value = others;
  }

  /** After `close`: what was on then is on again. */
  async reopen(): Promise<void> {
    const { mic, camera } = this.before;
    if (mic) await this.setMic(true);
    if (camera) await this.setCamera(true);
  }

  close(): void {
    this.visit += 1;
    this.before = { mic: this.mic.value !== "off", camera: this.camera.value !== "off" };
    this.stopScreen();
    this.useCamera(null);
    this.meter.listenTo(null);
    this.micTrack.value?.stop();
    this.micTrack.value = null;
    this.mic.value = "off";
    this.camera.value = "off";
  }

  /** Use what was opened, unless it is no longer wanted: the person changed his mind while the browser asked. */
  private took(source: "mic" | "camera", track: MediaStreamTrack | null): boolean {
    const wish = source === "mic" ? this.mic : this.camera;
    const wanted = track !== null && wish.peek() === "starting";
    if (!wanted) track?.stop();
    else if (source === "mic") this.useMic(track);
    else this.useCamera(track);
    wish.value = wanted ? "on" : "off";
    if (wanted && source === "mic") track.enabled = true;
    return wanted;
  }

  private useMic(track: MediaStreamTrack): void {
    this.micTrack.value?.stop();
    track.enabled = this.mic.value === "on";
    track.onended = () => this.vanished("microphone", "mic");
    this.micTrack.value = track;
    this.meter.listenTo(track);
    this.onTrack("mic", track);
  }

  private useCamera(track: MediaStreamTrack | null): void {
    const old = this.cameraTrack.value;
    if (old !== null) {
      old.onended = null;
      old.stop();
    }
    if (track !== null) track.onended = () => this.vanished("camera", "camera");
    this.cameraTrack.value = track;
    if (old !== null || track !== null) this.onTrack("camera", track);
  }

  private vanished(device: "microphone" | "camera", source: "mic" | "camera"): void {
    this.troubles.value = { ...this.troubles.value, [device]: { device, reason: "lost" } };
    if (source === "mic") {
      this.meter.listenTo(null);
      this.micTrack.value = null;
      this.mic.value = "off";
      this.onTrack("mic", null);
    } else {
      this.useCamera(null);
      this.camera.value = "off";
    }
  }

  private async attempt<Got>(device: Device, open: () => Promise<Got>): Promise<Got | null> {
    this.forgive(device);
    try {
      return await open();
    } catch (error) {
      const trouble = isTrouble(error) ? error : troubleOf(device, error);
      if (trouble.reason !== "cancelled") this.troubles.value = { ...this.troubles.value, [device]: trouble };
      return null;
    }
  }
}

function isTrouble(error: unknown): error is Trouble {
  return typeof error === "object" && error !== null && "device" in error && "reason" in error;
}
