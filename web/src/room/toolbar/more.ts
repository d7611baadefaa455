/** What the "More" menu holds: on a desk the seldom used, on a phone everything the bar has no room for. */

import { ChartColumn, Group, Keyboard, Maximize, Monitor, MonitorUp, MonitorX, Moon, Sun, Users, Video, VideoOff } from "lucide";
import { useSignal } from "@preact/signals";
import type { MenuItem } from "../../design";
import { canShareScreen } from "../../media/capture";
import { maySend } from "../../state/stage";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import type { PanelName } from "../ui";
import { reactionItems } from "./ReactTool";
import { recordingItems } from "./RecordTool";

export function useMoreItems(): readonly MenuItem[] {
  const room = useRoom();
  const theme = useThemeItems();
  const phone = usePhoneItems();
  const shortcuts = { label: en.tools.shortcuts, icon: Keyboard, hint: "?", onSelect: () => (room.ui.dialog.value = { name: "shortcuts" as const }) };
  const fullScreen = { label: en.tools.fullScreen, icon: Maximize, onSelect: toggleFullScreen };
  const saves = room.ui.savingData.value;
  const saving = {
    label: saves ? en.saving.stop : en.saving.option,
    hint: saves ? "" : en.saving.hint,
    icon: saves ? Video : VideoOff,
    onSelect: () => room.ui.saveData(!saves),
    "data-testid": "save-data",
  };
  return room.ui.narrow.value ? [...phone, "separator", saving] : [saving, "separator", ...theme, "separator", fullScreen, shortcuts];
}

function usePhoneItems(): readonly MenuItem[] {
  const room = useRoom();
  const { session, ui } = room;
  const { view, role } = useView();
  const panel = (name: PanelName, icon: typeof Users) => ({
    label: en.panel[name],
    icon,
    onSelect: () => ui.open(name),
    "data-testid": `panel-${name}`,
  });
  const sharing = session.local.screen.value === "on";
  const mayShare = sharing || (maySend(view.stage, role, "screen") && canShareScreen());
  const share = {
    label: sharing ? en.tools.share.on : en.tools.share.off,
    icon: sharing ? MonitorX : MonitorUp,
    onSelect: () => void session.publishing.toggleScreen(),
    "data-testid": "share-button",
  };
  return [
    panel("people", Users),
    panel("polls", ChartColumn),
    panel("breakouts", Group),
    ...(mayShare ? [share] : []),
    ...(role === "instructor" ? recordingItems(room) : []),
    { heading: en.tools.react },
    ...reactionItems(room),
  ];
}

function toggleFullScreen(): void {
  if (document.fullscreenElement !== null) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen?.().catch(() => undefined);
}

type Theme = "system" | "light" | "dark";
const THEMES: readonly { theme: Theme; icon: typeof Sun }[] = [
  { theme: "system", icon: Monitor },
  { theme: "light", icon: Sun },
  { theme: "dark", icon: Moon },
];

function useThemeItems(): readonly MenuItem[] {
  const chosen = useSignal<Theme>((document.documentElement.dataset["theme"] as Theme | undefined) ?? "system");
  const choose = (theme: Theme) => {
    chosen.value = theme;
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  };
  return [
    { heading: en.tools.theme.label },
    ...THEMES.map(({ theme }) => ({
      label: en.tools.theme[theme],
      checked: chosen.value === theme,
      onSelect: () => choose(theme),
    })),
  ];
}
