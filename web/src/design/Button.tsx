/** Buttons: with words, with an icon alone (named, with a tooltip), and the tools of a toolbar (icon over word). */
import type { ComponentChildren, JSX, Ref } from "preact";
import { LoaderCircle } from "lucide";
import { Icon, type IconNode } from "./Icon";
import "./button.css";

export type ButtonKind = "primary" | "plain" | "soft" | "quiet" | "danger" | "danger-quiet";
type Native = Omit<JSX.IntrinsicElements["button"], "size" | "icon" | "label" | "ref">;

interface ButtonProps extends Native {
  kind?: ButtonKind;
  size?: "small" | "large";
  icon?: IconNode;
  /** Something is under way: the icon turns, clicks do nothing. */
  busy?: boolean;
  wide?: boolean;
  children: ComponentChildren;
  buttonRef?: Ref<HTMLButtonElement>;
}

export function Button({ kind = "soft", size, icon, busy = false, wide, children, class: extra, onClick, buttonRef, ...rest }: ButtonProps) {
  const names = ["button", kind === "soft" ? "" : `button-${kind}`, size ? `button-${size}` : "", wide ? "button-wide" : "", String(extra ?? "")];
  const shown = busy ? LoaderCircle : icon;
  return (
    <button type="button" {...rest} ref={buttonRef} class={join(names)} aria-busy={busy || undefined} onClick={busy ? swallow : onClick}>
      {shown && <Icon of={shown} size={size === "small" ? 14 : 18} />}
      <span>{children}</span>
    </button>
  );
}

interface IconButtonProps extends Native {
  icon: IconNode;
  /** The name, said by screen readers and shown as tooltip. */
  label: string;
  kind?: ButtonKind;
  size?: "small";
  iconSize?: number;
  pressed?: boolean;
  /** The key that does the same, shown in the tooltip. */
  shortcut?: string;
  tipSide?: "above" | "below";
  tipAlign?: "start" | "end";
  buttonRef?: Ref<HTMLButtonElement>;
}

export function IconButton(props: IconButtonProps) {
  const { icon, label, kind = "soft", size, iconSize, pressed, shortcut, tipSide, tipAlign, class: extra, buttonRef, ...rest } = props;
  const names = ["button", "button-icon", kind === "soft" ? "" : `button-${kind}`, size ? `button-${size}` : "", String(extra ?? "")];
  return (
    <button
      type="button"
      {...rest}
      ref={buttonRef}
      class={join(names)}
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      data-tip-side={tipSide}
      data-tip-align={tipAlign}
    >
      <Icon of={icon} size={iconSize ?? (size ? 16 : 20)} />
      <Tip shortcut={shortcut}>{label}</Tip>
    </button>
  );
}

interface ToolProps extends Native {
  icon: IconNode;
  /** The word under the icon; it also says the state ("Mute" / "Unmute"). */
  word: string;
  pressed?: boolean;
  /** How it looks: "on" is live (green), "off" is shut (red), "danger" leaves or ends. */
  tone?: "plain" | "on" | "off" | "danger";
  /** 0..1, draws a ring that moves with the voice. */
  level?: number;
  shortcut?: string;
  /** A count shown on the corner, e.g. unread messages. */
  count?: number;
  buttonRef?: Ref<HTMLButtonElement>;
}

export function Tool({ icon, word, pressed, tone = "plain", level, shortcut, count, class: extra, style, buttonRef, ...rest }: ToolProps) {
  const names = ["tool", tone === "plain" ? "" : `tool-${tone}`, level === undefined ? "" : "tool-level", String(extra ?? "")];
  const shownStyle = level === undefined ? style : { "--level": Math.max(0, Math.min(1, level)).toFixed(2) };
  return (
    <button type="button" {...rest} ref={buttonRef} class={join(names)} style={shownStyle} aria-pressed={pressed} aria-keyshortcuts={shortcut}>
      <Icon of={icon} size={22} />
      <span>{word}</span>
      {count ? <span class="badge badge-count badge-corner">{count > 99 ? "99+" : count}</span> : null}
      {shortcut && <Tip><kbd>{shortcut.toUpperCase()}</kbd></Tip>}
    </button>
  );
}

function Tip({ children, shortcut }: { children: ComponentChildren; shortcut?: string }) {
  return (
    <span class="tip" aria-hidden="true">
      {children}
      {shortcut && <kbd>{shortcut}</kbd>}
    </span>
  );
}

function join(names: string[]): string {
  return names.filter(Boolean).join(" ");
}

function swallow(event: Event): void {
  event.preventDefault();
}
