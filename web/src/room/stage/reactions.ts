/** The reactions there are, each with its icon; names as the server knows them (server/live/pulses.py). */

import { Heart, Laugh, PartyPopper, Rabbit, Sparkles, ThumbsDown, ThumbsUp, Turtle } from "lucide";
import type { IconNode } from "../../design";
import type { ReactionName } from "../../wire/messages";

export const REACTIONS: Record<ReactionName, IconNode> = {
  clap: PartyPopper,
  heart: Heart,
  laugh: Laugh,
  surprised: Sparkles,
  yes: ThumbsUp,
  no: ThumbsDown,
  slower: Turtle,
  faster: Rabbit,
};

export function isReaction(name: string): name is ReactionName {
  return name in REACTIONS;
}
