/** The tools of the class: each says its state by icon, word and colour. Whoever teaches has a few more. */

import { ChartColumn, Ellipsis, Group, MessageSquare, Users } from "lucide";
import { Menu, type MenuItem, Tool } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { areGroupsOpen, isHost, runsPolls } from "../selectors";
import { CameraTool } from "./CameraTool";
import { HandTool } from "./HandTool";
import { LeaveTool } from "./LeaveTool";
import { MicTool } from "./MicTool";
import { useMoreItems } from "./more";
import { ReactTool } from "./ReactTool";
import { RecordTool } from "./RecordTool";
import { ShareTool } from "./ShareTool";
import "./toolbar.css";

export function Toolbar() {
  const { ui } = useRoom();
  return (
    <section class="room-tools" aria-label={en.tools.label}>
      {ui.narrow.value ? <FewTools /> : <AllTools />}
    </section>
  );
}

function AllTools() {
  const { view, role } = useView();
  return (
    <>
      <div class="tools-group"><MicTool /><CameraTool /><ShareTool /></div>
      <div class="tools-group">
        <HandTool />
        <ReactTool />
        {role === "instructor" && <RecordTool />}
        <PanelTools polls={runsPolls(role) || view.polls.polls.length > 0} breakouts={isHost(role) || areGroupsOpen(view)} />
        <MoreTool />
      </div>
      <div class="tools-group tools-end"><LeaveTool /></div>
    </>
  );
}

function FewTools() {
  return (
    <>
      <MicTool />
      <CameraTool />
      <HandTool />
      <PanelTool panel="chat" />
      <MoreTool />
      <LeaveTool />
    </>
  );
}

function PanelTools({ polls, breakouts }: { polls: boolean; breakouts: boolean }) {
  return (
    <>
      <PanelTool panel="people" />
      <PanelTool panel="chat" />
      {polls && <PanelTool panel="polls" />}
      {breakouts && <PanelTool panel="breakouts" />}
    </>
  );
}

const PANELS = {
  people: { icon: Users, word: en.tools.people, shortcut: "p" },
  chat: { icon: MessageSquare, word: en.tools.chat, shortcut: "c" },
  polls: { icon: ChartColumn, word: en.tools.poll, shortcut: "l" },
  breakouts: { icon: Group, word: en.tools.breakouts, shortcut: "b" },
};

/** Opens and closes a panel. While the panel stands open its tab carries the test hook, else this does. */
function PanelTool({ panel }: { panel: keyof typeof PANELS }) {
  const { ui } = useRoom();
  const { view } = useView();
  const { icon, word, shortcut } = PANELS[panel];
  const closed = ui.panel.value === null;
  const count = panel === "chat" ? ui.unread.value : panel === "people" && closed ? view.hands.queue.length : 0;
  return (
    <Tool
      icon={icon}
      word={word}
      shortcut={shortcut}
      pressed={ui.panel.value === panel}
      count={count}
      onClick={() => ui.toggle(panel)}
      data-testid={closed ? `panel-${panel}` : undefined}
    />
  );
}

function MoreTool() {
  const items: readonly MenuItem[] = useMoreItems();
  return (
    <Menu
      label={en.tools.more}
      items={items}
      side="above"
      align="end"
      trigger={(trigger) => <Tool {...trigger} icon={Ellipsis} word={en.tools.more} data-testid="more-button" />}
    />
  );
}
