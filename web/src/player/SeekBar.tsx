/** The length of the recording: where one is, what is where, and going there by pointer or key. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { player as words } from "../strings/player";
import { clockText, spokenTime } from "./moment-text";
import type { Moment } from "./moments";
import { DENSITY_BINS, type Player } from "./player";

/** A pointer this near to a mark means it. */
const NEAR_PX = 8;
const DRAG_EVERY_MS = 120;

export function SeekBar({ player }: { player: Player }) {
  const bar = useRef<HTMLDivElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const hover = useSignal<number | null>(null);
  const dragged_at = useRef(0);
  const end_ms = player.duration.value;

  // Sixty times a second while it plays: straight to the styles, not through rendering.
  useSignalEffect(() => {
    const at_ms = player.position.value;
    const whole_ms = player.duration.value;
    bar.current?.style.setProperty("--at", String(whole_ms ? Math.min(1, at_ms / whole_ms) : 0));
    slider.current?.setAttribute("aria-valuenow", String(Math.round(at_ms / 1000)));
    slider.current?.setAttribute("aria-valuetext", words.positionOf(spokenTime(at_ms), spokenTime(whole_ms)));
  });

  const timeAt = (event: PointerEvent): number => {
    const box = bar.current!.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * end_ms;
  };
  const go = (event: PointerEvent, last: boolean) => {
    const now = performance.now();
    hover.value = timeAt(event);
    if (!last && now - dragged_at.current < DRAG_EVERY_MS) return;
    dragged_at.current = now;
    player.seek(timeAt(event));
  };

  const share = (ms: number) => `${end_ms ? (ms / end_ms) * 100 : 0}%`;
  const moments = player.moments.value;
  const near = hover.value === null ? null : nearest(moments, hover.value, (NEAR_PX / (bar.current?.clientWidth || 1)) * end_ms);
  return (
    <div
      class="seek"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        slider.current?.focus({ preventScroll: true });
        go(event, true);
      }}
      onPointerMove={(event) => {
        if (event.buttons & 1) go(event, false);
        else hover.value = timeAt(event);
      }}
      onPointerUp={(event) => go(event, true)}
      onPointerLeave={() => (hover.value = null)}
    >
      <div class="seek-bar" ref={bar}>
        <Density shares={player.density.value} />
        <div
          ref={slider}
          class="seek-track"
          role="slider"
          tabIndex={0}
          aria-label={words.seek}
          aria-valuemin={0}
          aria-valuemax={Math.round(end_ms / 1000)}
          data-testid="player-seek"
        >
          <span class="seek-done" />
        </div>
        {moments.map((moment, index) => (
          <span
            key={index}
            class={`seek-moment seek-${moment.kind}`}
            style={{ left: share(moment.from_ms), width: moment.to_ms > moment.from_ms ? share(moment.to_ms - moment.from_ms) : undefined }}
          />
        ))}
        <span class="seek-knob" />
        {hover.value !== null && (
          <span class="seek-tip" style={{ left: share(hover.value) }}>
            {near && <span class="seek-tip-words">{words.moment[near.kind](near.about)}</span>}
            <span class="figures">{clockText(hover.value)}</span>
          </span>
        )}
      </div>
    </div>
  );
}

function nearest(moments: readonly Moment[], at_ms: number, within_ms: number): Moment | null {
  let best: Moment | null = null;
  let distance = within_ms;
  for (const moment of moments) {
    if (Math.abs(moment.from_ms - at_ms) <= distance) {
      best = moment;
      distance = Math.abs(moment.from_ms - at_ms);
    }
  }
  return best ?? moments.findLast((moment) => moment.to_ms > moment.from_ms && moment.from_ms <= at_ms && at_ms < moment.to_ms) ?? null;
}

/** How busy the chat was, as a hill above the bar. */
function Density({ shares }: { shares: readonly number[] }) {
  if (!shares.some((share) => share > 0)) return null;
  const points = shares.map((share, bin) => `${bin + 0.5},${(10 - share * 10).toFixed(1)}`).join(" ");
  return (
    <svg class="seek-density" viewBox={`0 0 ${DENSITY_BINS} 10`} preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`0,10 ${points} ${DENSITY_BINS},10`} />
    </svg>
  );
}
