/** News for screen readers: `announce("Ana raised a hand")`. Put one <Announcer /> on a page. */
import { signal } from "@preact/signals";

export type Urgency = "polite" | "assertive";
interface Said {
  id: number;
  text: string;
}

/** Long enough to be read; later nobody shall find old news beside the page. */
const STAY_MS = 5000;

const regions = { polite: signal<readonly Said[]>([]), assertive: signal<readonly Said[]>([]) };
let last = 0;

/** Two pieces of news at once are both read, and so is the same news twice. */
export function announce(text: string, urgency: Urgency = "polite"): void {
  const region = regions[urgency];
  const id = ++last;
  region.value = [...region.value, { id, text }];
  setTimeout(() => (region.value = region.value.filter((said) => said.id !== id)), STAY_MS);
}

export function Announcer() {
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite" aria-atomic="false">{paragraphs(regions.polite.value)}</div>
      <div class="visually-hidden" role="alert" aria-live="assertive" aria-atomic="false">{paragraphs(regions.assertive.value)}</div>
    </>
  );
}

function paragraphs(said: readonly Said[]) {
  return said.map(({ id, text }) => <p key={id}>{text}</p>);
}
