/** Several panels in one place. Arrow keys move between the tabs, only the chosen one is in the tab order (WAI-ARIA APG). */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { CountBadge } from "./Badge";
import { nextItem } from "./Menu";
import { design as words } from "../strings/design";
import "./tabs.css";

export interface Tab<T extends string = string> {
  id: T;
  label: string;
  /** New things inside, with the words that say what they are. */
  count?: number;
  countLabel?: string;
  "data-testid"?: string;
}

interface TabsProps<T extends string> {
  label: string;
  tabs: readonly Tab<T>[];
  selected: T;
  onSelect: (id: T) => void;
  /** The panel of the selected tab. */
  children: ComponentChildren;
}

export function Tabs<T extends string>({ label, tabs, selected, onSelect, children }: TabsProps<T>) {
  const id = useId();
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.id === selected);
    const key = event.key === "ArrowRight" ? "ArrowDown" : event.key === "ArrowLeft" ? "ArrowUp" : event.key;
    if (!["ArrowDown", "ArrowUp", "Home", "End"].includes(key)) return;
    const to = tabs[nextItem(key, at, tabs.map((tab) => tab.label)) ?? at];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    onSelect(to.id);
    document.getElementById(`${id}-${to.id}`)?.focus();
  };
  return (
    <div class="tabs">
      <div class="tabs-list" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            id={`${id}-${tab.id}`}
            type="button"
            class="tab"
            role="tab"
            aria-selected={tab.id === selected}
            aria-controls={`${id}-panel`}
            tabIndex={tab.id === selected ? 0 : -1}
            data-testid={tab["data-testid"]}
            onClick={() => onSelect(tab.id)}
          >
            {tab.label}
            {tab.count ? <CountBadge count={tab.count} label={tab.countLabel ?? words.countNew(tab.count)} /> : null}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} class="tabs-panel" role="tabpanel" aria-labelledby={`${id}-${selected}`} tabIndex={-1}>
        {children}
      </div>
    </div>
  );
}
