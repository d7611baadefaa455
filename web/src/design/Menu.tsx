/** A button that opens a list of actions or choices, in the top layer so that nothing clips it (popover API).
 *  Arrow keys move, Home and End jump, letters search, Escape closes and gives the focus back (WAI-ARIA APG, menu button). */
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Check } from "lucide";
import { Icon, type IconNode } from "./Icon";
import { besideAnchor, type Side } from "./place";
import "./menu.css";

export interface MenuAction {
  label: string;
  onSelect: () => void;
  icon?: IconNode;
  /** Given: the item is a choice and shows whether it is the chosen one. */
  checked?: boolean;
  danger?: boolean;
  disabled?: boolean;
  hint?: string;
  "data-testid"?: string;
}
export type MenuItem = MenuAction | { heading: string } | "separator";

/** What the trigger element must carry; spread it on a button. */
export interface MenuTrigger {
  id: string;
  "aria-haspopup": "menu";
  "aria-expanded": boolean;
  "aria-controls": string;
  onClick: () => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

interface MenuProps {
  label: string;
  items: readonly MenuItem[];
  trigger: (props: MenuTrigger) => ComponentChildren;
  side?: Side;
  align?: "start" | "end";
}

export function Menu({ label, items, trigger, side = "below", align = "start" }: MenuProps) {
  const id = useId();
  const popover = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  const show = (last = false) => {
    const menu = popover.current;
    const button = document.getElementById(`${id}-button`);
    if (!menu || !button) return;
    menu.showPopover();
    besideAnchor(menu, button, side, align);
    const all = itemsOf(menu);
    const chosen = all.find((item) => item.getAttribute("aria-checked") === "true");
    (last ? all.at(-1) : (chosen ?? all[0]))?.focus();
  };
  const close = () => popover.current?.hidePopover();

  return (
    <>
      {trigger({
        id: `${id}-button`,
        "aria-haspopup": "menu",
        "aria-expanded": open,
        "aria-controls": `${id}-menu`,
        onClick: () => (open ? close() : show()),
        onKeyDown: (event) => {
          if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
          event.preventDefault();
          event.stopPropagation();
          show(event.key === "ArrowUp");
        },
      })}
      <div
        ref={popover}
        id={`${id}-menu`}
        class="menu"
        role="menu"
        aria-label={label}
        popover="auto"
        onToggle={(event) => setOpen((event as unknown as ToggleEvent).newState === "open")}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Tab") close();
          else moveFocus(event, itemsOf(event.currentTarget));
        }}
      >
        {items.map((item, index) => {
          if (item === "separator") return <hr key={index} class="menu-line" />;
          if ("heading" in item) return <div key={index} class="menu-heading">{item.heading}</div>;
          const choice = item.checked !== undefined;
          return (
            <button
              key={index}
              type="button"
              class={item.danger ? "menu-item menu-item-danger" : "menu-item"}
              role={choice ? "menuitemradio" : "menuitem"}
              aria-checked={item.checked}
              aria-disabled={item.disabled || undefined}
              tabIndex={-1}
              data-testid={item["data-testid"]}
              onClick={() => {
                if (item.disabled) return;
                close();
                item.onSelect();
              }}
            >
              {choice ? <span class="menu-check">{item.checked && <Icon of={Check} size={16} />}</span> : item.icon && <Icon of={item.icon} size={18} />}
              <span class="menu-words">{item.label}{item.hint && <span class="field-hint">{item.hint}</span>}</span>
            </button>
          );
        })}
      </div>
    </>
  );
}

function itemsOf(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>(".menu-item")];
}

function moveFocus(event: KeyboardEvent, items: HTMLElement[]): void {
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to = nextItem(event.key, at, items.map((item) => item.textContent ?? ""));
  if (to === null) return;
  event.preventDefault();
  items[to]?.focus();
}

/** Where the focus goes from item `at` on a key; null: the key means nothing here. */
export function nextItem(key: string, at: number, labels: readonly string[]): number | null {
  const count = labels.length;
  if (count === 0) return null;
  switch (key) {
    case "ArrowDown": return (at + 1) % count;
    case "ArrowUp": return (at - 1 + count) % count;
    case "Home": return 0;
    case "End": return count - 1;
  }
  if (key.length !== 1 || key === " ") return null;
  const letter = key.toLocaleLowerCase();
  for (let step = 1; step <= count; step++) {
    const index = (at + step) % count;
    if (labels[index]?.trim().toLocaleLowerCase().startsWith(letter)) return index;
  }
  return null;
}
