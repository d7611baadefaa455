/** A poll while it is being written. Pure: what may be sent, and what is missing. */

import type { DraftPoll } from "../../state/model";

export const OPTIONS_FEWEST = 2;
export const OPTIONS_MOST = 10;
export const TEXT_LONGEST = 500;

export interface Draft {
  readonly question: string;
  readonly options: readonly string[];
  readonly anonymous: boolean;
  readonly durationMs: number;
}

export const BLANK: Draft = { question: "", options: ["", ""], anonymous: false, durationMs: 0 };

export type Missing = "question" | "options";

/** What keeps it from being sent, or null. */
export function missingIn(draft: Draft): Missing | null {
  if (draft.question.trim() === "") return "question";
  return filled(draft).length < OPTIONS_FEWEST ? "options" : null;
}

/** The command that asks it (or, with `open` false, keeps it for later). Empty answers are left out. */
export function commandFor(draft: Draft, open: boolean): DraftPoll {
  return {
    type: "poll.draft",
    question: draft.question.trim(),
    options: filled(draft),
    anonymous: draft.anonymous,
    open,
    duration_ms: open ? draft.durationMs : 0,
  };
}

export function withOption(draft: Draft, n: number, text: string): Draft {
  return { ...draft, options: draft.options.with(n, text) };
}

/** One more line for an answer, after line `n`; the same draft when there are enough. */
export function withOptionAfter(draft: Draft, n: number): Draft {
  if (draft.options.length >= OPTIONS_MOST) return draft;
  return { ...draft, options: draft.options.toSpliced(n + 1, 0, "") };
}

export function withoutOption(draft: Draft, n: number): Draft {
  if (draft.options.length <= OPTIONS_FEWEST) return withOption(draft, n, "");
  return { ...draft, options: draft.options.toSpliced(n, 1) };
}

function filled({ options }: Draft): string[] {
  return options.map((option) => option.trim()).filter((option) => option !== "");
}
