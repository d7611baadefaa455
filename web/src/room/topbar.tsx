/** Where one is, whether it is recorded, how long it has run, who is here, and how the stage is laid out. */

import { LayoutGrid, SignalHigh, SignalLow, SignalMedium, Users, VideoOff } from "lucide";
import { Button, Icon, IconButton, Menu } from "../design";
import type { Cause, Quality } from "../media/quality";
import { en } from "../strings/en";
import { useRoom, useView } from "./context";
import { groupOf, peopleInside, roomOf } from "./selectors";
import type { Layout } from "./stage/arrange";
import { clock } from "./time";

export function TopBar() {
  const { session, ui } = useRoom();
  const { view, me } = useView();
  const room = groupOf(view, roomOf(view, me))?.name ?? (view.breakouts.groups.length > 0 ? en.bar.main : null);
  const running = clock(session.now.value - view.opened_at);
  return (
    <header class="room-bar">
      <div class="room-title">
        <h1>{view.title}</h1>
        {room !== null && <span data-testid="room-name">· {room}</span>}
      </div>
      <RecordingSign />
      <span class="room-bar-space" />
      <SavingSign />
      <ConnectionSign quality={session.quality.value} cause={session.cause.value} />
      <time class="room-clock figures" aria-label={en.bar.running(running)}>{running}</time>
      {!ui.narrow.value && (
        <Button icon={Users} aria-pressed={ui.panel.value === "people"} onClick={() => ui.toggle("people")} data-testid="people-count">
          {en.bar.people(peopleInside(view).length)}
        </Button>
      )}
      <LayoutMenu />
    </header>
  );
}

function RecordingSign() {
  const { session } = useRoom();
  const { recording } = useView().view;
  if (recording.phase === "off") return null;
  const time = clock(session.now.value - recording.started_at);
  if (recording.phase === "paused") {
    return <span class="rec rec-paused" data-testid="rec-sign"><span class="rec-dot" aria-hidden="true" />{en.bar.recordingPaused}</span>;
  }
  return (
    <span class="rec" data-testid="rec-sign">
      <span class="rec-dot" aria-hidden="true" />
      <span class="visually-hidden">{en.bar.recordingFor(time)}</span>
      <span aria-hidden="true">{en.bar.recording} <time class="figures">{time}</time></span>
    </span>
  );
}

/** Says why there are no videos, and brings them back. */
function SavingSign() {
  const { ui } = useRoom();
  if (!ui.savingData.value) return null;
  return (
    <Button size="small" icon={VideoOff} title={en.saving.stop} onClick={() => ui.saveData(false)} data-testid="saving-data">
      {en.saving.sign}<span class="visually-hidden">. {en.saving.stop}</span>
    </Button>
  );
}

const SIGNALS = { good: SignalHigh, fair: SignalMedium, weak: SignalLow };

function ConnectionSign({ quality, cause }: { quality: Quality; cause: Cause | null }) {
  if (quality === "good") return null;
  const why = cause === null ? null : en.bar.causes[cause];
  return (
    <span class={`room-quality room-quality-${quality}`} title={why ?? undefined} data-testid="connection-sign">
      <Icon of={SIGNALS[quality]} size={18} />
      <span>{en.bar.quality[quality]}{why !== null && <span class="visually-hidden">. {why}</span>}</span>
    </span>
  );
}

const LAYOUTS: readonly Layout[] = ["instructor", "speaker", "gallery"];

function LayoutMenu() {
  const { ui } = useRoom();
  const items = LAYOUTS.map((layout) => ({
    ...en.bar.layouts[layout],
    checked: ui.layout.value === layout,
    onSelect: () => {
      ui.layout.value = layout;
      ui.page.value = 0;
    },
    "data-testid": `layout-${layout}`,
  }));
  return (
    <Menu
      label={en.bar.layout}
      items={items}
      align="end"
      trigger={(trigger) => <IconButton {...trigger} icon={LayoutGrid} label={en.bar.layout} tipSide="below" tipAlign="end" data-testid="layout-button" />}
    />
  );
}
