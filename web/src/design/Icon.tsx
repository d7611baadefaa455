/** One icon of the kept set (lucide): `<Icon of={Mic} />`. Decoration unless it is given a label. */
import { h } from "preact";
import type { IconNode } from "lucide";

export type { IconNode };

interface IconProps {
  of: IconNode;
  /** Edge length in px. */
  size?: number;
  /** What a screen reader says; without it the icon is hidden from it. */
  label?: string;
  class?: string;
}

export function Icon({ of, size = 20, label, class: className }: IconProps) {
  return (
    <svg
      class={className ? `icon ${className}` : "icon"}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={size < 18 ? 2.25 : 2}
      stroke-linecap="round"
      stroke-linejoin="round"
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : "true"}
    >
      {of.map(([tag, attributes]) => h(tag as "path", attributes as object))}
    </svg>
  );
}
