/** The side panel: people, chat, polls and breakouts. Beside the stage on a desk, a sheet over it on a phone. */

import { X } from "lucide";
import { useEffect, useRef } from "preact/hooks";
import { IconButton, Sheet, type Tab, Tabs } from "../design";
import { en } from "../strings/en";
import { ConnectionBanner } from "./banners";
import { BreakoutsPanel } from "./breakouts/BreakoutsPanel";
import { ChatPanel } from "./chat/ChatPanel";
import { useRoom, useView } from "./context";
import { PeoplePanel } from "./people/PeoplePanel";
import { PollsPanel } from "./polls/PollsPanel";
import { isHost, openPolls } from "./selectors";
import type { PanelName } from "./ui";

export function SidePanel() {
  const { ui } = useRoom();
  const panel = ui.panel.value;
  if (ui.narrow.value) {
    return (
      <Sheet open={panel !== null} title={en.panel[panel ?? ui.lastPanel.value]} onClose={() => ui.close()}>
        {panel !== null && <div class="panel" data-panel={panel}><ConnectionBanner /><Content panel={panel} /></div>}
      </Sheet>
    );
  }
  return panel === null ? null : <Beside panel={panel} />;
}

function Beside({ panel }: { panel: PanelName }) {
  const { ui } = useRoom();
  const tabs = useTabs();
  const element = useRef<HTMLElement>(null);
  // The focus goes into a panel that was opened by hand, and back to where it came from when it closes.
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      const lost = document.activeElement === document.body || element.current?.contains(document.activeElement);
      if (lost && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  useEffect(() => {
    if (!ui.takeFocus()) return;
    const target = element.current?.querySelector<HTMLElement>(".chat-compose textarea") ?? element.current?.querySelector<HTMLElement>("[role=tabpanel]");
    target?.focus();
  }, [panel]);
  const closeOnEscape = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.defaultPrevented) ui.close();
  };
  return (
    <aside class="room-panel" aria-label={en.panel.label} ref={element} onKeyDown={closeOnEscape}>
      <Tabs label={en.panel.label} tabs={tabs} selected={panel} onSelect={(id) => ui.open(id)}>
        <Content panel={panel} />
      </Tabs>
      <IconButton class="room-panel-close" icon={X} label={en.panel.close} tipSide="below" tipAlign="end" onClick={() => ui.close()} />
    </aside>
  );
}

function Content({ panel }: { panel: PanelName }) {
  switch (panel) {
    case "people":
      return <PeoplePanel />;
    case "chat":
      return <ChatPanel />;
    case "polls":
      return <PollsPanel />;
    case "breakouts":
      return <BreakoutsPanel />;
    default:
      return panel satisfies never;
  }
}

function useTabs(): readonly Tab<PanelName>[] {
  const { ui } = useRoom();
  const { view, role } = useView();
  const hands = view.hands.queue.length;
  const polls = openPolls(view).length;
  const help = isHost(role) ? view.breakouts.help.length : 0;
  const unread = ui.unread.value;
  return [
    { id: "people", label: en.panel.people, count: hands, countLabel: en.panel.hands(hands), "data-testid": "panel-people" },
    { id: "chat", label: en.panel.chat, count: unread, countLabel: en.panel.unread(unread), "data-testid": "panel-chat" },
    { id: "polls", label: en.panel.polls, count: polls, countLabel: en.panel.openPolls(polls), "data-testid": "panel-polls" },
    { id: "breakouts", label: en.panel.breakouts, count: help, countLabel: en.panel.help(help), "data-testid": "panel-breakouts" },
  ];
}
