/** Small tiles beside the large one, as many as fit; more are a page away, and only what is shown is received. */

import { ChevronLeft, ChevronRight } from "lucide";
import { IconButton } from "../../design";
import { en } from "../../strings/en";
import type { Pages } from "./arrange";
import { PersonTile } from "./PersonTile";

export function Strip({ pages, onPage }: { pages: Pages; onPage: (page: number) => void }) {
  return (
    <div class="strip" role="group" aria-label={en.stage.strip}>
      {pages.pages > 1 && (
        <IconButton icon={ChevronLeft} label={en.stage.earlier} disabled={pages.page === 0} tipAlign="start" onClick={() => onPage(pages.page - 1)} />
      )}
      <div class="strip-tiles">
        {pages.pictures.map((picture) => (
          <PersonTile key={`${picture.participant} ${picture.source}`} picture={picture} />
        ))}
      </div>
      {pages.pages > 1 && (
        <IconButton icon={ChevronRight} label={en.stage.later} disabled={pages.page === pages.pages - 1} tipAlign="end" onClick={() => onPage(pages.page + 1)} />
      )}
    </div>
  );
}
