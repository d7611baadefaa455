/** The plan of groups on a large board, where columns lie side by side. */

import { Button, Dialog } from "../../design";
import { en } from "../../strings/en";
import { GroupBoard } from "../breakouts/GroupBoard";

export function BoardDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open wide title={en.breakouts.boardTitle} onClose={onClose} actions={<Button kind="primary" onClick={onClose}>{en.breakouts.done}</Button>}>
      <GroupBoard />
    </Dialog>
  );
}
