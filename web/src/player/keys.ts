/** Keys of the player, as on YouTube. Pure: a key to what it means. */

export type Act =
  | { act: "toggle" }
  | { act: "by"; ms: number }
  | { act: "share-of"; of: number }
  | { act: "frame"; step: 1 | -1 }
  | { act: "faster"; step: 1 | -1 }
  | { act: "louder"; step: 1 | -1 }
  | { act: "mute" }
  | { act: "fullscreen" }
  | { act: "panel"; panel: "chat" | "people" }
  | { act: "start" }
  | { act: "end" }
  | { act: "keys" };

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

export function meaning({ key, ctrlKey, metaKey, altKey }: Press): Act | null {
  if (ctrlKey || metaKey || altKey) return null;
  if (/^[0-9]$/.test(key)) return { act: "share-of", of: Number(key) / 10 };
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case " ":
    case "k": return { act: "toggle" };
    case "j": return { act: "by", ms: -10_000 };
    case "l": return { act: "by", ms: 10_000 };
    case "ArrowLeft": return { act: "by", ms: -5_000 };
    case "ArrowRight": return { act: "by", ms: 5_000 };
    case "ArrowUp": return { act: "louder", step: 1 };
    case "ArrowDown": return { act: "louder", step: -1 };
    case ",": return { act: "frame", step: -1 };
    case ".": return { act: "frame", step: 1 };
    case ">": return { act: "faster", step: 1 };
    case "<": return { act: "faster", step: -1 };
    case "m": return { act: "mute" };
    case "f": return { act: "fullscreen" };
    case "c": return { act: "panel", panel: "chat" };
    case "p": return { act: "panel", panel: "people" };
    case "Home": return { act: "start" };
    case "End": return { act: "end" };
    case "?": return { act: "keys" };
    default: return null;
  }
}

/** True where keys belong to what has the focus: text is typed there, or the element has keys of its own. */
export function isTakenBy(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("textarea, select, [role=menu], dialog")) return true;
  if (target instanceof HTMLInputElement) return target.type !== "range" || key.startsWith("Arrow") || key === "Home" || key === "End";
  if (key === " " && target.closest("button, a, [role=button]")) return true;
  return key.startsWith("Arrow") && target.closest("[role=tablist]") !== null;
}
