/** The table of contents the class wrote by itself: polls, hands, screens, groups, pauses. */
import { ChartColumn, Flag, Hand, MonitorUp, Scissors, UsersRound } from "lucide";
import { EmptyState, Icon, type IconNode } from "../design";
import { player as words } from "../strings/player";
import { clockText } from "./moment-text";
import type { MomentKind } from "./moments";
import type { Player } from "./player";

const ICONS: Record<MomentKind, IconNode> = { poll: ChartColumn, hand: Hand, screen: MonitorUp, groups: UsersRound, cut: Scissors };

export function MomentsPanel({ player }: { player: Player }) {
  const moments = player.moments.value;
  if (moments.length === 0) return <EmptyState icon={Flag} {...words.momentsEmpty} />;
  const now = moments.findLastIndex((moment) => moment.from_ms <= player.position.value + 50);
  return (
    <ol class="moments" data-scroll>
      {moments.map((moment, index) => (
        <li key={index}>
          <button type="button" class="moment" aria-current={index === now ? "true" : undefined} onClick={() => player.seek(moment.from_ms)} data-testid="player-moment">
            <Icon of={ICONS[moment.kind]} size={18} />
            <span class="moment-words" dir="auto">{words.moment[moment.kind](moment.about)}</span>
            <span class="figures quiet-text">{clockText(moment.from_ms)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
