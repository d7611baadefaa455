/** Under the picture: the timeline and the buttons, where people know them from other players. */
import { useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { Keyboard, LayoutGrid, Maximize, Minimize, Pause, Play, RotateCcw, RotateCw, Volume1, Volume2, VolumeX } from "lucide";
import { IconButton, Menu, Slider, Icon, type MenuTrigger } from "../design";
import { player as words } from "../strings/player";
import { RATES } from "./clock";
import { clockText } from "./moment-text";
import type { Player } from "./player";
import { SeekBar } from "./SeekBar";

interface ControlsProps {
  player: Player;
  onFullscreen: () => void;
  onKeys: () => void;
  watch: RefObject<HTMLDivElement | null>;
}

/** In full screen the controls go away when nothing moves for this long. */
const IDLE_MS = 3000;

export function Controls({ player, onFullscreen, onKeys, watch }: ControlsProps) {
  const full = useFullscreen(watch);
  const { playing, ended, muted, volume } = player;
  const at = useComputed(() => clockText(player.position.value));
  // While the class runs, the position may be ahead of the last look at its length.
  const length = useComputed(() => clockText(Math.max(player.position.value, player.duration.value)));
  const silent = muted.value || volume.value === 0;
  const playWord = playing.value ? words.pause : ended.value ? words.replay : words.play;
  return (
    <div class="controls">
      <SeekBar player={player} />
      <div class="controls-row">
        <IconButton icon={playing.value ? Pause : ended.value ? RotateCcw : Play} iconSize={26} label={playWord} shortcut="k" tipAlign="start" class={ended.value && !playing.value ? "" : "controls-play"} onClick={() => player.toggle()} data-testid="player-play" />
        <IconButton icon={RotateCcw} label={words.back} shortcut="j" onClick={() => player.seekBy(-10_000)} />
        <IconButton icon={RotateCw} label={words.forward} shortcut="l" onClick={() => player.seekBy(10_000)} />
        <span class="controls-volume">
          <IconButton icon={silent ? VolumeX : volume.value < 0.5 ? Volume1 : Volume2} label={silent ? words.unmute : words.mute} shortcut="m" onClick={() => player.setVolume(volume.value || 0.5, !silent)} />
          <Slider label={words.volume} value={muted.value ? 0 : volume.value} min={0} max={1} step={0.05} onInput={(value) => player.setVolume(value)} words={words.percent} />
        </span>
        <span class="controls-time figures" data-testid="player-time">{at} <span class="quiet-text">/ {length}</span></span>
        <span class="controls-gap" />
        <SpeedMenu player={player} />
        <LayoutMenu player={player} />
        <IconButton icon={Keyboard} label={words.keys} shortcut="?" class="controls-keys" onClick={onKeys} />
        {document.fullscreenEnabled && <IconButton icon={full ? Minimize : Maximize} label={full ? words.leaveFullscreen : words.fullscreen} shortcut="f" tipAlign="end" onClick={onFullscreen} />}
      </div>
    </div>
  );
}

function SpeedMenu({ player }: { player: Player }) {
  const rate = player.rate.value;
  return (
    <Menu
      label={words.speed}
      side="above"
      align="end"
      items={RATES.map((other) => ({ label: words.rate(other), checked: other === rate, onSelect: () => player.setRate(other) }))}
      trigger={(props) => <button type="button" class="button button-icon controls-speed figures" {...props} aria-label={`${words.speed}: ${words.rateShort(rate)}`} data-testid="player-speed">{words.rateShort(rate)}</button>}
    />
  );
}

function LayoutMenu({ player }: { player: Player }) {
  return (
    <Menu
      label={words.layout}
      side="above"
      align="end"
      items={[
        { label: words.automatic, checked: player.mode.value === "automatic", onSelect: () => { player.mode.value = "automatic"; player.pinned.value = null; } },
        { label: words.gallery, checked: player.mode.value === "gallery", onSelect: () => (player.mode.value = "gallery") },
      ]}
      trigger={(props: MenuTrigger) => (
        <button type="button" class="button button-icon" {...props} aria-label={words.layout}>
          <Icon of={LayoutGrid} />
          <span class="tip" aria-hidden="true">{words.layout}</span>
        </button>
      )}
    />
  );
}

/** Whether the watch area fills the screen; marks it idle there when nothing moves. */
function useFullscreen(watch: RefObject<HTMLDivElement | null>): boolean {
  const full = useSignal(false);
  useEffect(() => {
    let timer = 0;
    const busy = () => {
      watch.current?.classList.remove("watch-idle");
      clearTimeout(timer);
      if (document.fullscreenElement) timer = window.setTimeout(() => watch.current?.classList.add("watch-idle"), IDLE_MS);
    };
    const changed = () => {
      full.value = document.fullscreenElement !== null;
      busy();
    };
    document.addEventListener("fullscreenchange", changed);
    for (const kind of ["pointermove", "keydown", "pointerdown"]) document.addEventListener(kind, busy);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("fullscreenchange", changed);
      for (const kind of ["pointermove", "keydown", "pointerdown"]) document.removeEventListener(kind, busy);
    };
  }, []);
  return full.value;
}
