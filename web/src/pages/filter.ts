/** Narrow a list while typing: every word must begin a word of the item's data-search. "/" goes to the field. */

/** Accents and case do not matter; "bio 10" finds "Biology 101". */
export function matches(query: string, text: string): boolean {
  const words = fold(text).split(/[^\p{L}\p{N}]+/u);
  return fold(query)
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .every((part) => words.some((word) => word.startsWith(part)));
}

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

export function filtering(field: HTMLInputElement): void {
  const list = document.querySelector<HTMLElement>(field.dataset.filter ?? "");
  const nothing = document.getElementById("nothing-found");
  const found = document.getElementById("found");
  if (!list) return;
  const home = field.closest<HTMLElement>("[role=search]");
  if (home) home.hidden = false;
  const items = [...list.querySelectorAll<HTMLElement>("[data-search]")];
  const narrow = () => {
    let shown = 0;
    for (const item of items) {
      item.hidden = !matches(field.value, item.dataset.search ?? "");
      if (!item.hidden) shown++;
    }
    if (nothing) nothing.hidden = shown > 0;
    if (found) found.textContent = field.value ? `${shown} of ${items.length} recordings` : "";
  };
  field.addEventListener("input", narrow);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    field.focus();
  });
  narrow();
}
