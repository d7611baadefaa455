/**
 * The frames of the live connection, both ways, and their msgpack form.
 *
 * The server's server/http/wire.py is the source; the records inside (commands, events, view) come generated. Every
 * frame is one map with a `type`. What is *not* here: order and retries (client.ts).
 */

import { decode, encode } from "@msgpack/msgpack";
import type { ClientMessage, ServerMessage } from "../generated/types";

export type {
  ClientMessage as ClientFrame,
  EntryFrame,
  MediaSlot,
  Pulse,
  ReactionName,
  ServerMessage as ServerFrame,
  Wanted,
} from "../generated/types";

export function toBytes(frame: ClientMessage): Uint8Array<ArrayBuffer> {
  return encode(frame, { ignoreUndefined: true });
}

/** The frame in these bytes; a frame of a kind we do not know (a newer server) comes out as null. */
export function fromBytes(bytes: ArrayBuffer | Uint8Array): ServerMessage | null {
  const value = decode(bytes);
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  return typeof value.type === "string" && KNOWN.has(value.type) ? (value as ServerMessage) : null;
}

const KNOWN: ReadonlySet<string> = new Set<ServerMessage["type"]>([
  "welcome",
  "ack",
  "refused",
  "entry",
  "view",
  "pulse",
  "media.answer",
  "media.slots",
  "media.layers",
  "media.levels",
  "media.link",
  "media.links",
  "media.lost",
  "pong",
  "error",
  "bye",
]);
