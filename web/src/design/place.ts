/** Put a floating box beside what opened it, inside the window. */

export type Side = "above" | "below";

const GAP_PX = 6;
const EDGE_PX = 8;

/** Left and top, in px of the window, for a `box` beside an `anchor`; flips to the other side when there is more room. */
export function placeBeside(
  anchor: { left: number; top: number; right: number; bottom: number },
  box: { width: number; height: number },
  window: { width: number; height: number },
  side: Side,
  align: "start" | "end",
): { left: number; top: number } {
  const above = anchor.top - GAP_PX - box.height;
  const below = anchor.bottom + GAP_PX;
  const fitsAbove = above >= EDGE_PX;
  const fitsBelow = below + box.height <= window.height - EDGE_PX;
  const top = side === "above" ? (fitsAbove || !fitsBelow ? above : below) : fitsBelow || !fitsAbove ? below : above;
  const left = align === "start" ? anchor.left : anchor.right - box.width;
  return {
    left: Math.max(EDGE_PX, Math.min(left, window.width - EDGE_PX - box.width)),
    top: Math.max(EDGE_PX, Math.min(top, window.height - EDGE_PX - box.height)),
  };
}

export function besideAnchor(box: HTMLElement, anchor: HTMLElement, side: Side, align: "start" | "end"): void {
  const { left, top } = placeBeside(
    anchor.getBoundingClientRect(),
    { width: box.offsetWidth, height: box.offsetHeight },
    { width: document.documentElement.clientWidth, height: window.innerHeight },
    side,
    align,
  );
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}
