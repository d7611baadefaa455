/** What is watched, from which room, and sharing it. */
import type { Signal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import { ChevronDown, ChevronLeft, PanelRightClose, PanelRightOpen, Share2, UsersRound } from "lucide";
import { Badge, Button, Icon, IconButton, Menu } from "../design";
import { localMoment } from "../pages/moment";
import { player as words } from "../strings/player";
import { clockText } from "./moment-text";
import { MAIN } from "./moments";
import type { Player } from "./player";
import { ShareDialog } from "./ShareDialog";

export function Head({ player, title, panelOpen }: { player: Player; title: string; panelOpen: Signal<boolean> }) {
  const sharing = useSignal(false);
  const manifest = player.manifest.value;
  if (!manifest) return null;
  return (
    <header class="head">
      <a class="button button-icon" href="/" aria-label={words.home} data-tip-side="below" data-tip-align="start"><Icon of={ChevronLeft} /><span class="tip" aria-hidden="true">{words.home}</span></a>
      <div class="head-words">
        <h1 class="head-title" title={manifest.title || title}>{manifest.title || title}</h1>
        <p class="head-facts small quiet-text">
          <time dateTime={new Date(manifest.started_at).toISOString()}>{words.recordedOn(localMoment(new Date(manifest.started_at), new Date(), navigator.language))}</time>
          {manifest.state === "recording" && <span title={words.liveHint}><Badge tone="red">{words.live}</Badge></span>}
          {manifest.state === "interrupted" && <span title={words.interruptedHint}><Badge tone="amber">{words.interrupted}</Badge></span>}
        </p>
      </div>
      <RoomPicker player={player} />
      <Button kind="plain" icon={Share2} class="head-share" aria-label={words.share} onClick={() => (sharing.value = true)}>{words.share}</Button>
      <IconButton
        icon={panelOpen.value ? PanelRightClose : PanelRightOpen}
        label={panelOpen.value ? words.hidePanel : words.showPanel}
        class="head-panel"
        tipSide="below"
        tipAlign="end"
        onClick={() => (panelOpen.value = !panelOpen.value)}
      />
      <ShareDialog player={player} open={sharing.value} onClose={() => (sharing.value = false)} />
    </header>
  );
}

function RoomPicker({ player }: { player: Player }) {
  const places = player.places.value;
  if (places.length < 2) return null;
  const room = player.room.value;
  const name = places.find((place) => place.room === room)?.name ?? words.mainRoom;
  return (
    <Menu
      label={words.room}
      align="end"
      items={places.map((place) => ({
        label: place.name,
        hint: place.room === MAIN ? undefined : `${clockText(place.from_ms)} – ${clockText(place.to_ms)}`,
        checked: place.room === room,
        onSelect: () => player.watch(place),
        "data-testid": "player-room",
      }))}
      trigger={(props) => (
        <button type="button" class={room === MAIN ? "button button-plain head-room head-room-main" : "button button-plain head-room"} {...props} aria-label={`${words.room}: ${name}`} data-testid="player-rooms">
          <Icon of={UsersRound} size={18} />
          <span class="head-room-name">{name}</span>
          <Icon of={ChevronDown} size={16} />
        </button>
      )}
    />
  );
}
