/** The pictures: one large, the others small, as in class. Videos belong to the deck; here they only find a place. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Pause, Play, RotateCcw, UsersRound } from "lucide";
import { Button, EmptyState, Icon, Tile } from "../design";
import { player as words } from "../strings/player";
import { grid, type Face } from "./layout";
import { MAIN } from "./moments";
import type { Player } from "./player";

/** Widths of a small picture. */
const SMALL_PX = 144;
const SMALL_PHONE_PX = 100;
const PHONE_PX = 600;
const GALLERY = 16;
const GALLERY_PHONE = 9;
const GAP_PX = 8;

export function Stage({ player, onFullscreen }: { player: Player; onFullscreen: () => void }) {
  const stage = useRef<HTMLDivElement>(null);
  const gallery = player.mode.value === "gallery";
  const box = useSignal({ width: 0, height: 0 });
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const measure = new ResizeObserver(() => {
      const phone = element.clientWidth < PHONE_PX;
      box.value = { width: element.clientWidth - 2 * GAP_PX, height: element.clientHeight - 2 * GAP_PX };
      player.most.value = gallery ? (phone ? GALLERY_PHONE : GALLERY) : Math.max(2, Math.floor((element.clientWidth - GAP_PX) / ((phone ? SMALL_PHONE_PX : SMALL_PX) + GAP_PX)));
    });
    measure.observe(element);
    return () => measure.disconnect();
  }, [gallery]);

  const { main, others, hidden } = player.arrangement.value;
  // The strip keeps its place while it is empty, so that nothing moves when people come and go.
  const keepsStrip = main !== null && new Set(player.manifest.value?.tracks.map((track) => track.participant)).size > 1;
  const { columns, tile } = grid(others.length + (hidden > 0 ? 1 : 0), box.value.width, box.value.height, GAP_PX);
  const sizes = { "--columns": String(columns), "--tile": `${tile}px`, "--small": `${box.value.width < PHONE_PX ? SMALL_PHONE_PX : SMALL_PX}px` };
  return (
    <div ref={stage} class={gallery ? "stage stage-gallery" : "stage"} style={sizes}>
      <GroupsNote player={player} />
      {!main && others.length === 0 && <EmptyState icon={UsersRound} {...words.nobody} />}
      {main && (
        <div class="stage-main" onClick={() => player.toggle()} onDblClick={onFullscreen}>
          <FaceTile player={player} face={main} large />
          <Overlay player={player} />
        </div>
      )}
      {(others.length > 0 || keepsStrip) && (
        <div class={gallery ? "stage-grid" : "stage-strip"}>
          {others.map((face) => (
            <div class="stage-small" key={face.key}>
              <FaceTile player={player} face={face} />
              <button type="button" class="stage-pin" aria-label={words.largeView(labelOf(face))} onClick={() => player.pin(face.key)} />
            </div>
          ))}
          {hidden > 0 && <span class="stage-small stage-more">{words.more(hidden)}</span>}
        </div>
      )}
      {gallery && <Overlay player={player} />}
    </div>
  );
}

function labelOf(face: Face): string {
  return face.source === "screen" ? words.screenOf(face.name) : face.name;
}

function FaceTile({ player, face, large = false }: { player: Player; face: Face; large?: boolean }) {
  return (
    <Tile
      participant={face.participant}
      name={face.name}
      label={labelOf(face)}
      source={face.source}
      hasVideo={face.n !== null}
      muted={!face.micOn}
      speaking={face.speaking && !large}
      handRaised={face.handRaised}
      contain={large || face.source === "screen"}
    >
      {face.n !== null && <Picture player={player} n={face.n} large={large} />}
    </Tile>
  );
}

function Picture({ player, n, large }: { player: Player; n: number; large: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const attached = player.attached.value;
  useLayoutEffect(() => {
    const video = player.element(n);
    if (!video) return;
    if (large) video.dataset.testid = "player-video";
    else delete video.dataset.testid;
    if (video.parentElement !== place.current) place.current?.replaceChildren(video);
  }, [n, large, attached]);
  return <div class="picture" ref={place} />;
}

/** Over the picture: a large play sign while it rests, a word while it loads. */
function Overlay({ player }: { player: Player }) {
  if (player.waiting.value) return <div class="overlay overlay-waiting" role="status"><span>{words.waiting}</span></div>;
  if (player.playing.value) return <div class="overlay overlay-playing" aria-hidden="true"><Icon of={Pause} size={28} /></div>;
  const again = player.ended.value;
  return (
    <div class="overlay">
      <span class="overlay-play"><Icon of={again ? RotateCcw : Play} size={32} /></span>
      {player.needsGesture.value && <span class="overlay-words">{words.press}</span>}
    </div>
  );
}

/** While the class is in groups, the main room is quiet: say where people are. */
function GroupsNote({ player }: { player: Player }) {
  const groups = player.openGroups.value;
  const room = player.room.value;
  const main = player.places.value[0];
  if (groups.length === 0 || !main) return null;
  const here = player.places.value.find((other) => other.room === room);
  return (
    <div class="groups-note" role="status">
      <Icon of={UsersRound} size={16} />
      <span class="groups-words">{room === MAIN ? words.inGroups : words.watching(here?.name ?? "")}</span>
      <span class="groups-buttons">
        {room === MAIN
          ? groups.map((place) => <Button key={place.room} size="small" aria-label={words.watchGroup(place.name)} onClick={() => player.watch(place)}>{place.name}</Button>)
          : <Button size="small" onClick={() => player.watch(main)}>{words.backToMain}</Button>}
      </span>
    </div>
  );
}
