/** Beside the picture: what was written, asked and done, as it stood at that moment. */
import type { Signal } from "@preact/signals";
import { Tabs } from "../design";
import { player as words } from "../strings/player";
import { ChatPanel } from "./ChatPanel";
import { MomentsPanel } from "./MomentsPanel";
import { PeoplePanel } from "./PeoplePanel";
import type { Player } from "./player";
import { PollsPanel } from "./PollsPanel";

export type PanelName = "chat" | "polls" | "people" | "moments";

export function Panels({ player, selected }: { player: Player; selected: Signal<PanelName> }) {
  return (
    <aside class="panel" aria-label={words.panels}>
      <Tabs<PanelName>
        label={words.panels}
        selected={selected.value}
        onSelect={(id) => (selected.value = id)}
        tabs={[
          { id: "chat", label: words.chat, "data-testid": "panel-chat" },
          { id: "polls", label: words.polls, "data-testid": "panel-polls" },
          { id: "people", label: words.people, "data-testid": "panel-people" },
          { id: "moments", label: words.moments, "data-testid": "panel-moments" },
        ]}
      >
        {selected.value === "chat" && <ChatPanel player={player} />}
        {selected.value === "polls" && <PollsPanel player={player} />}
        {selected.value === "people" && <PeoplePanel player={player} />}
        {selected.value === "moments" && <MomentsPanel player={player} />}
      </Tabs>
    </aside>
  );
}
