/** The dialogs of the class room; at most one is open. */

import { useRoom } from "../context";
import { BoardDialog } from "./BoardDialog";
import { EndDialog } from "./EndDialog";
import { RemoveDialog } from "./RemoveDialog";
import { ShortcutsDialog } from "./ShortcutsDialog";

export function Dialogs() {
  const { ui } = useRoom();
  const dialog = ui.dialog.value;
  const close = () => {
    ui.dialog.value = null;
  };
  switch (dialog?.name) {
    case undefined:
      return null;
    case "end":
      return <EndDialog onClose={close} />;
    case "shortcuts":
      return <ShortcutsDialog onClose={close} />;
    case "board":
      return <BoardDialog onClose={close} />;
    case "remove":
      return <RemoveDialog participant={dialog.participant} onClose={close} />;
    default:
      return dialog satisfies never;
  }
}
