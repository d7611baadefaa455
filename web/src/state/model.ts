/**
 * The records the rules speak in, under one roof for the pages. They are generated from the server's own types;
 * nothing here may be changed in place: a reducer returns a new view and shares what stayed the same.
 */

import type { EntryFrame } from "../generated/types";

export type * from "../generated/types";

/** As much of an entry as a view needs to move on. */
export type Entry = Pick<EntryFrame, "seq" | "at" | "events">;
