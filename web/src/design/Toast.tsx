/** Short news in a corner: what happened, perhaps one thing to do about it. It leaves by itself; errors stay until closed.
 *  It is read aloud by the Announcer, once: the corner itself is no live region. */
import { signal } from "@preact/signals";
import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from "lucide";
import { announce, type Urgency } from "./announce";
import { Button, IconButton } from "./Button";
import { Icon } from "./Icon";
import { design as words } from "../strings/design";
import "./toast.css";

export type ToastTone = "info" | "good" | "warning" | "error";
interface Toast {
  id: number;
  text: string;
  tone: ToastTone;
  action?: { label: string; onSelect: () => void };
}

const STAY_MS = 6000;
const MOST = 3;

export const toasts = signal<readonly Toast[]>([]);
let last = 0;

export function toast(text: string, tone: ToastTone = "info", action?: Toast["action"], urgency: Urgency = "polite"): void {
  const id = ++last;
  announce(text, urgency);
  toasts.value = [...toasts.value.filter((other) => other.text !== text), { id, text, tone, action }].slice(-MOST);
  if (tone !== "error") setTimeout(() => dismiss(id), STAY_MS);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((other) => other.id !== id);
}

const ICONS = { info: Info, good: CircleCheck, warning: TriangleAlert, error: CircleAlert };

/** Where toasts appear: once on a page. */
export function Toasts() {
  if (toasts.value.length === 0) return null;
  return (
    <section class="toasts" aria-label={words.news}>
      {toasts.value.map(({ id, text, tone, action }) => (
        <div key={id} class={`toast toast-${tone}`}>
          <Icon of={ICONS[tone]} size={18} />
          <span class="toast-text">{text}</span>
          {action && <Button kind="quiet" size="small" onClick={() => { dismiss(id); action.onSelect(); }}>{action.label}</Button>}
          <IconButton icon={X} label={words.dismiss} size="small" onClick={() => dismiss(id)} tipAlign="end" />
        </div>
      ))}
    </section>
  );
}
