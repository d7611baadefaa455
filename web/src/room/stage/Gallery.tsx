/** Everyone in the same size, in the grid that makes the tiles largest. */

import { ChevronLeft, ChevronRight } from "lucide";
import { IconButton } from "../../design";
import { en } from "../../strings/en";
import { gridFor, type Pages } from "./arrange";
import { PersonTile } from "./PersonTile";
import type { Size } from "./size";

interface GalleryProps {
  pages: Pages;
  size: Size;
  onPage: (page: number) => void;
}

const GAP_PX = 8;

export function Gallery({ pages, size, onPage }: GalleryProps) {
  const { columns, rows } = gridFor(pages.pictures.length, size.width, size.height);
  // Tiles keep 16:9 and the grid stays centred; the last row, if not full, is centred too.
  const tile = Math.floor(
    Math.min(
      (size.width - (columns - 1) * GAP_PX) / columns,
      (((size.height - (rows - 1) * GAP_PX) / rows) * 16) / 9,
    ),
  );
  return (
    <>
      <div class="gallery" style={{ "--tile": `${Math.max(0, tile)}px` }}>
        {pages.pictures.map((picture) => (
          <div key={`${picture.participant} ${picture.source}`} class="gallery-cell">
            <PersonTile picture={picture} />
          </div>
        ))}
      </div>
      {pages.pages > 1 && (
        <nav class="gallery-pages always-dark" aria-label={en.stage.page(pages.page + 1, pages.pages)}>
          <IconButton icon={ChevronLeft} label={en.stage.earlier} disabled={pages.page === 0} onClick={() => onPage(pages.page - 1)} />
          <span class="figures">{pages.page + 1} / {pages.pages}</span>
          <IconButton icon={ChevronRight} label={en.stage.later} disabled={pages.page === pages.pages - 1} onClick={() => onPage(pages.page + 1)} />
        </nav>
      )}
    </>
  );
}
