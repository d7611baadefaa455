/** Messages as they are read: what one person wrote within a few minutes stands together. Pure. */

import type { ShownMessage } from "../optimistic";

const TOGETHER_MS = 3 * 60_000;

export interface MessageGroup {
  readonly author: string;
  readonly at: number;
  readonly messages: readonly ShownMessage[];
}

export function grouped(messages: readonly ShownMessage[]): readonly MessageGroup[] {
  const groups: { author: string; at: number; messages: ShownMessage[] }[] = [];
  for (const message of messages) {
    const last = groups.at(-1);
    const previous = last?.messages.at(-1);
    const joins = last !== undefined && previous !== undefined && last.author === message.author && message.at - previous.at < TOGETHER_MS;
    if (joins) last.messages.push(message);
    else groups.push({ author: message.author, at: message.at, messages: [message] });
  }
  return groups;
}

export type Piece = { readonly text: string } | { readonly link: string };

const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}']/giu;

/** Text cut at its links, so that a link can be an element and everything else stays text. */
export function pieces(text: string): readonly Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ link: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}
