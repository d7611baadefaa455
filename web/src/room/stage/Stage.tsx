/** What the class looks at: one large picture with a strip of small ones, or a gallery. Asks for what it shows. */

import { useEffect } from "preact/hooks";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { areGroupsOpen, peopleInRoom, roomOf } from "../selectors";
import { arrange, isUpright, paged, stripCapacity, wishes } from "./arrange";
import { Gallery } from "./Gallery";
import { PersonTile } from "./PersonTile";
import { Reactions } from "./Reactions";
import { useSize } from "./size";
import { Strip } from "./Strip";
import "./stage.css";

/** As many pictures as there are lines to receive them (media/lines.ts). */
const GALLERY_MOST = 16;
const GALLERY_MOST_NARROW = 9;

export function Stage() {
  const { session, ui } = useRoom();
  const { view, me } = useView();
  const [box, size] = useSize<HTMLDivElement>();
  const narrow = ui.narrow.value;
  const room = roomOf(view, me);
  const speaker = session.speaker.value;
  const { large, others } = arrange(view, { layout: ui.layout.value, me, room, speaker, pinned: ui.pinned.value });
  const perPage = large === null ? (narrow ? GALLERY_MOST_NARROW : GALLERY_MOST) : stripCapacity(size.value, others.length, narrow);
  const pages = paged(others, perPage, ui.page.value);
  const wanted = wishes(view, { large, pages, perPage: size.value.width === 0 ? 0 : perPage, me, saving: ui.savingData.value });
  useEffect(() => session.watch(wanted));

  const alone = peopleInRoom(view, room).length <= 1;
  const turn = (page: number) => (ui.page.value = page);
  return (
    <section class={large === null ? "stage" : isUpright(size.value) ? "stage stage-large stage-upright" : "stage stage-large"} aria-label={en.stage.label} ref={box}>
      {large === null ? (
        <Gallery pages={pages} size={size.value} onPage={turn} />
      ) : (
        <>
          <div class="stage-main" key={`${large.participant} ${large.source}`}><PersonTile picture={large} /></div>
          {others.length > 0 && <Strip pages={pages} onPage={turn} />}
        </>
      )}
      {alone && <AloneNote apart={areGroupsOpen(view)} />}
      {session.media.state.value === "connecting" && <p class="stage-connecting" role="status">{en.stage.connecting}</p>}
      <Reactions />
    </section>
  );
}

function AloneNote({ apart }: { apart: boolean }) {
  if (apart) return <p class="stage-alone">{en.stage.aloneInRoom}</p>;
  return <p class="stage-alone"><strong>{en.stage.alone}.</strong> {en.stage.aloneText}</p>;
}
