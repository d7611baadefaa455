/** A state of the whole page that stays until it is over: reconnecting, recording paused, a weak connection. */
import type { ComponentChildren } from "preact";
import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide";
import { Icon, type IconNode } from "./Icon";
import type { ToastTone } from "./Toast";
import "./toast.css";

const ICONS: Record<ToastTone, IconNode> = { info: Info, good: CircleCheck, warning: TriangleAlert, error: CircleAlert };

interface BannerProps {
  tone?: ToastTone;
  icon?: IconNode;
  children: ComponentChildren;
  action?: ComponentChildren;
  "data-testid"?: string;
}

export function Banner({ tone = "info", icon, children, action, ...rest }: BannerProps) {
  return (
    <div {...rest} class={`banner banner-${tone}`} role={tone === "error" ? "alert" : "status"}>
      <Icon of={icon ?? ICONS[tone]} size={18} />
      <span class="banner-text">{children}</span>
      {action}
    </div>
  );
}
