/** A short word about a state. Colour never speaks alone: a badge is a word, or a count with a name. */
import type { ComponentChildren } from "preact";
import { Icon, type IconNode } from "./Icon";
import "./badge.css";

export type Tone = "neutral" | "accent" | "red" | "green" | "amber";

export function Badge({ tone = "neutral", icon, children }: { tone?: Tone; icon?: IconNode; children: ComponentChildren }) {
  return (
    <span class={`badge badge-${tone}`}>
      {icon && <Icon of={icon} size={12} />}
      {children}
    </span>
  );
}

/** How many; nothing at all for none. `label` says of what, e.g. "3 unread messages". */
export function CountBadge({ count, label, tone = "accent" }: { count: number; label: string; tone?: Tone }) {
  if (count === 0) return null;
  return (
    <span class={`badge badge-count badge-${tone}`}>
      <span aria-hidden="true">{count > 99 ? "99+" : count}</span>
      <span class="visually-hidden">{label}</span>
    </span>
  );
}
