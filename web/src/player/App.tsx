/** The whole page: head, stage with its controls, side panel; keys; what is shown while there is nothing to show. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { CircleAlert, Film } from "lucide";
import { Announcer, Button, EmptyState, Skeleton, Toasts, toast } from "../design";
import { player as words } from "../strings/player";
import { Controls } from "./Controls";
import { Head } from "./Head";
import { KeysDialog } from "./KeysDialog";
import { isTakenBy, meaning, type Act } from "./keys";
import { nextRate } from "./clock";
import { Panels, type PanelName } from "./Panels";
import type { Player } from "./player";
import { Stage } from "./Stage";
import "./player.css";

/** A picture at the usual 25 per second. */
const FRAME_MS = 40;

export function App({ player, title }: { player: Player; title: string }) {
  const panel = useSignal<PanelName>("chat");
  const panelOpen = useSignal(!window.matchMedia("(max-height: 480px)").matches);
  const keysOpen = useSignal(false);
  const watch = useRef<HTMLDivElement>(null);
  const phase = player.phase.value;

  const fullscreen = () => void (document.fullscreenElement ? document.exitFullscreen() : watch.current?.requestFullscreen?.());

  useEffect(() => {
    const act = (press: Act) => {
      switch (press.act) {
        case "toggle": return player.toggle();
        case "by": return player.seekBy(press.ms);
        case "share-of": return player.seek(player.duration.value * press.of);
        case "frame": player.pause(); return player.seekBy(press.step * FRAME_MS);
        case "faster": return player.setRate(nextRate(player.rate.value, press.step));
        case "louder": return player.setVolume(player.volume.value + press.step * 0.1);
        case "mute": return player.setVolume(player.volume.value, !player.muted.value);
        case "fullscreen": return fullscreen();
        case "panel": panel.value = press.panel; panelOpen.value = true; return;
        case "start": return player.seek(0);
        case "end": return player.seek(player.duration.value);
        case "keys": keysOpen.value = true; return;
        default: return press satisfies never;
      }
    };
    const onKey = (event: KeyboardEvent) => {
      if (player.phase.value !== "ready" || event.defaultPrevented || isTakenBy(event.target, event.key)) return;
      const press = meaning(event);
      if (!press) return;
      event.preventDefault();
      act(press);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const lost = player.failed.value.size > 0;
  useEffect(() => {
    if (!lost) return;
    const isH264 = player.manifest.value?.tracks.some(({ n, codec }) => player.failed.value.has(n) && codec.startsWith("avc1."));
    toast(isH264 ? words.unplayable : words.lost, "warning");
  }, [lost]);

  if (phase === "loading") return <Loading title={title} />;
  if (phase !== "ready") return <Failed trouble={phase} />;
  const empty = player.duration.value === 0;
  return (
    <div class={panelOpen.value ? "player" : "player player-wide"}>
      <Head player={player} title={title} panelOpen={panelOpen} />
      <main class="watch always-dark" ref={watch} aria-label={title}>
        {empty ? <EmptyState icon={Film} {...words.nothingYet} /> : <Stage player={player} onFullscreen={fullscreen} />}
        <Controls player={player} onFullscreen={fullscreen} onKeys={() => (keysOpen.value = true)} watch={watch} />
      </main>
      {panelOpen.value && <Panels player={player} selected={panel} />}
      <KeysDialog open={keysOpen.value} onClose={() => (keysOpen.value = false)} />
      <Toasts />
      <Announcer />
    </div>
  );
}

function Loading({ title }: { title: string }) {
  return (
    <div class="player" aria-busy="true" aria-label={words.loading}>
      <header class="head"><h1 class="head-title">{title}</h1></header>
      <div class="watch always-dark"><div class="stage"><Skeleton height="100%" /></div></div>
      <div class="panel panel-loading">
        {[70, 45, 60, 80, 35].map((width) => <Skeleton key={width} width={`${width}%`} height="1.2em" />)}
      </div>
    </div>
  );
}

function Failed({ trouble }: { trouble: keyof typeof words.trouble }) {
  const again = trouble === "offline" || trouble === "broken";
  return (
    <main class="failed">
      <EmptyState
        icon={CircleAlert}
        {...words.trouble[trouble]}
        action={<Button kind="primary" size="large" onClick={() => (again ? location.reload() : location.assign("/"))}>{again ? words.retry : words.home}</Button>}
      />
    </main>
  );
}
