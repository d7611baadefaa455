/** What the server put into the page about the class and its reader (server/http/pages.py, RoomPage). */

import type { Role } from "../state/model";

export interface Boot {
  readonly classId: string;
  readonly title: string;
  readonly phase: "open" | "ended";
  /** What the link makes of its reader; null: it gives no way in. */
  readonly role: Role | null;
  readonly suggestedName: string;
  readonly needsName: boolean;
  readonly recorded: boolean;
  readonly code: string | null;
  readonly recordingUrl: string | null;
  /** Names of those inside, where the server tells. */
  readonly inside?: readonly string[];
}

/** Throws if the page carries none: then it is not the class room's page. */
export function readBoot(page: Document = document): Boot {
  const text = page.getElementById("boot")?.textContent;
  if (!text) throw new Error("the page carries no boot data");
  return { recordingUrl: null, ...(JSON.parse(text) as Omit<Boot, "recordingUrl">) };
}
