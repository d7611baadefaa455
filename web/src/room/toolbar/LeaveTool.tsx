/** Out. Whoever teaches is asked whether the class goes on. */

import { DoorOpen, LogOut } from "lucide";
import { Menu, Tool } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";

export function LeaveTool() {
  const { session, ui } = useRoom();
  const { role } = useView();
  if (role !== "instructor") {
    return <Tool icon={LogOut} word={en.tools.leave} tone="danger" onClick={() => session.leave()} data-testid="leave-button" />;
  }
  const items = [
    {
      label: en.tools.leaveClass,
      hint: en.tools.leaveHint,
      icon: LogOut,
      onSelect: () => session.leave(),
      "data-testid": "leave-class",
    },
    {
      label: en.tools.end,
      hint: en.tools.endHint,
      icon: DoorOpen,
      danger: true,
      onSelect: () => (ui.dialog.value = { name: "end" }),
      "data-testid": "end-class",
    },
  ];
  return (
    <Menu
      label={en.tools.leave}
      items={items}
      side="above"
      align="end"
      trigger={(trigger) => <Tool {...trigger} icon={LogOut} word={en.tools.leave} tone="danger" data-testid="leave-button" />}
    />
  );
}
