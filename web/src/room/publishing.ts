/**
 * Sending one's microphone, camera and screen into the class: the device, the media line and the class's permission,
 * kept together.
 *
 * The device follows the click at once, and this follows the device: what is on is published, what is off is not. If
 * the class refuses, the device goes back. A mute by a host switches the device off, never on. The class forgets what
 * somebody sends when the connection drops; after a return it is published anew.
 */

import { effect } from "@preact/signals";
import type { MediaConnection } from "../media/connection";
import type { LocalMedia } from "../media/local";
import { type Source, SOURCES } from "../media/sources";
import type { Classroom, Command, Event } from "../state/model";
import type { Outcome } from "../wire/outbox";

export class Publishing {
  /** What the class was asked to let through and has not been told to stop. */
  private readonly asked = new Set<Source>();
  private entered = false;
  private readonly stopFollowing: () => void;

  constructor(
    private readonly local: LocalMedia,
    media: Pick<MediaConnection, "send">,
    private readonly send: (command: Command) => Promise<Outcome>,
  ) {
    if (local.micTrack.peek() !== null) void media.send("mic", local.micTrack.peek());
    if (local.cameraTrack.peek() !== null) void media.send("camera", local.cameraTrack.peek());
    local.onTrack = (source, track) => void media.send(source, track);
    this.stopFollowing = effect(() => {
      const on = this.on();
      if (this.entered) this.ask(on);
    });
  }

  async toggleMic(): Promise<void> {
    await this.local.setMic(this.local.mic.value === "off");
  }

  async toggleCamera(): Promise<void> {
    await this.local.setCamera(this.local.camera.value === "off");
  }

  async toggleScreen(): Promise<void> {
    if (this.local.screen.value === "on") this.local.stopScreen();
    else if (this.local.screen.value === "off") await this.local.startScreen();
  }

  /** Keep in step with the class after each change of the view; `events` is empty for a fresh view. */
  follow(view: Classroom, events: readonly Event[], me: string): void {
    for (const event of events) {
      if (event.type === "stage.muted" && event.participant === me) this.switchOff(event.source);
    }
    if (events.length > 0 && !events.some((event) => isArrival(event, me))) return;
    const live = view.stage.live[me] ?? [];
    for (const source of SOURCES) if (!live.includes(source)) this.asked.delete(source);
    this.entered = true;
    this.ask(this.on());
  }

  close(): void {
    this.stopFollowing();
  }

  private on(): readonly Source[] {
    const screen = this.local.screen.value === "on";
    const on: Record<Source, boolean> = {
      mic: this.local.mic.value === "on",
      camera: this.local.camera.value === "on",
      screen,
      screen_audio: screen && this.local.sharesSound,
    };
    return SOURCES.filter((source) => on[source]);
  }

  private ask(on: readonly Source[]): void {
    for (const source of SOURCES) {
      if (on.includes(source) === this.asked.has(source)) continue;
      if (on.includes(source)) void this.publish(source);
      else this.unpublish(source);
    }
  }

  private async publish(source: Source): Promise<void> {
    this.asked.add(source);
    const outcome = await this.send({ type: "stage.publish", source });
    if (!outcome.done) this.switchOff(source);
  }

  private unpublish(source: Source): void {
    this.asked.delete(source);
    void this.send({ type: "stage.unpublish", source });
  }

  private switchOff(source: Source): void {
    this.asked.delete(source);
    if (source === "mic") void this.local.setMic(false);
    if (source === "camera") void this.local.setCamera(false);
    if (source === "screen" && this.local.screen.value === "on") this.local.stopScreen();
  }
}

function isArrival(event: Event, me: string): boolean {
  return (event.type === "participant.returned" || event.type === "participant.joined") && event.participant === me;
}
