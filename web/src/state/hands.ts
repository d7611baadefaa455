/** Raised hands, longest wait first: the browser's twin of `apply` in server/rooms/hands.py. */

import type { Event, Hands } from "./model";

export function applyHands(hands: Hands, event: Event, at: number): Hands {
  switch (event.type) {
    case "hand.raised":
      return { queue: [...hands.queue, { participant: event.participant, at }] };
    case "hand.lowered":
    case "participant.left":
      return { queue: hands.queue.filter((hand) => hand.participant !== event.participant) };
    default:
      return hands;
  }
}
