/** What a place says when it holds nothing yet, and the shape of what is still loading. */
import type { ComponentChildren } from "preact";
import { Icon, type IconNode } from "./Icon";
import "./meter.css";

export function EmptyState({ icon, title, text, action }: { icon?: IconNode; title: string; text?: string; action?: ComponentChildren }) {
  return (
    <div class="empty">
      {icon && <Icon of={icon} size={28} />}
      <p class="empty-title">{title}</p>
      {text && <p class="empty-text">{text}</p>}
      {action}
    </div>
  );
}

/** The shape of content on its way; appears only after 200 ms so that quick answers do not flicker. */
export function Skeleton({ width = "100%", height = "1em" }: { width?: string; height?: string }) {
  return <span class="skeleton" style={{ width, height }} aria-hidden="true" />;
}
