/** What this person has opened, chosen and been told on this page: nothing of it is the class's business. */

import { signal } from "@preact/signals";
import { announce } from "../design";
import type { Source } from "../state/model";
import { en } from "../strings/en";
import type { Layout } from "./stage/arrange";

export type PanelName = "people" | "chat" | "polls" | "breakouts";

export type DialogName =
  | { readonly name: "end" }
  | { readonly name: "shortcuts" }
  | { readonly name: "board" }
  | { readonly name: "remove"; readonly participant: string };

/** Something a host did to this person, until he has seen it. */
export interface Muted {
  readonly source: Source;
  readonly by: string;
}

export interface Seen {
  readonly id: number;
  readonly participant: string;
  readonly reaction: string;
}

const NARROW = "(max-width: 760px), (max-height: 480px)";

export function isNarrow(): boolean {
  return window.matchMedia(NARROW).matches;
}

export class Ui {
  readonly narrow = signal(false);
  readonly panel = signal<PanelName | null>(null);
  /** The panel opened last: the key or the button opens it again. */
  readonly lastPanel = signal<PanelName>("people");
  readonly layout = signal<Layout>("instructor");
  readonly pinned = signal<string | null>(null);
  readonly page = signal(0);
  readonly dialog = signal<DialogName | null>(null);
  readonly unread = signal(0);
  readonly muted = signal<Muted | null>(null);
  readonly weakDismissed = signal(false);
  /** Sound and screens only: other people's cameras are not received. */
  readonly savingData = signal(false);
  readonly recordingNoticeSeen = signal(false);
  readonly soundBlocked = signal(false);
  readonly loudspeaker = signal<string | null>(null);
  readonly typing = signal<Readonly<Record<string, number>>>({});
  readonly reactions = signal<readonly Seen[]>([]);
  private reactionCount = 0;
  private focusWanted = false;

  constructor(host: boolean) {
    const query = window.matchMedia(NARROW);
    this.narrow.value = query.matches;
    query.addEventListener("change", () => {
      this.narrow.value = query.matches;
      if (query.matches) this.panel.value = null;
    });
    if (!query.matches) this.panel.value = "people";
    if (host) this.layout.value = "gallery";
  }

  open(panel: PanelName): void {
    this.panel.value = panel;
    this.lastPanel.value = panel;
    if (panel === "chat") this.unread.value = 0;
  }

  /** What a key or a tool does: the focus goes along into the panel. */
  toggle(panel: PanelName): void {
    if (this.panel.value === panel) return this.close();
    this.open(panel);
    this.focusWanted = true;
  }

  /** True once after a panel was opened by hand. */
  takeFocus(): boolean {
    const wanted = this.focusWanted;
    this.focusWanted = false;
    return wanted;
  }

  close(): void {
    this.panel.value = null;
  }

  saveData(on: boolean): void {
    this.savingData.value = on;
    announce(on ? en.saving.started : en.saving.stopped);
  }

  pin(participant: string): void {
    this.pinned.value = this.pinned.value === participant ? null : participant;
  }

  react(participant: string, reaction: string): void {
    this.reactionCount += 1;
    const seen: Seen = { id: this.reactionCount, participant, reaction };
    this.reactions.value = [...this.reactions.value, seen].slice(-5);
    window.setTimeout(() => {
      this.reactions.value = this.reactions.value.filter(({ id }) => id !== seen.id);
    }, 4_000);
  }

  heardTyping(participant: string, now: number): void {
    this.typing.value = { ...this.typing.value, [participant]: now };
  }
}
