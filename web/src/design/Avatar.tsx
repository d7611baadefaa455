/** A person as initials on a colour that stays the same wherever the person appears. */
import "./avatar.css";

/** "Ana María Ruiz" -> "AR"; one word gives one letter. Counts characters as people see them. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = words[0];
  if (first === undefined) return "?";
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return (firstLetter(first) + (last ? firstLetter(last) : "")).toLocaleUpperCase();
}

/** Degrees on the colour wheel, the same for the same key everywhere: FNV-1a, stirred once more so that "a1" and "a2" differ. */
export function hue(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % 360;
}

interface AvatarProps {
  name: string;
  /** What the hue is drawn from; the participant's id where there is one, so that namesakes differ. */
  seed?: string;
  /** Edge length in px; without it the avatar fills what it is put in. */
  size?: number;
}

/** Hidden from screen readers: the name stands beside it. */
export function Avatar({ name, seed, size }: AvatarProps) {
  const style: Record<string, string> = { "--hue": String(hue(seed ?? name)) };
  if (size) style["--size"] = `${size}px`;
  return <span class="avatar" style={style} aria-hidden="true">{initials(name)}</span>;
}

function firstLetter(word: string): string {
  for (const { segment } of new Intl.Segmenter().segment(word)) return segment;
  return "";
}
