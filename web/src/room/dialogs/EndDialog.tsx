/** Ending the class for everyone: the one thing here that cannot be undone. */

import { Confirm } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { peopleInside } from "../selectors";

export function EndDialog({ onClose }: { onClose: () => void }) {
  const { session } = useRoom();
  const { view } = useView();
  const others = peopleInside(view).length - 1;
  return (
    <Confirm
      open
      title={en.endDialog.title}
      consequence={en.endDialog.text(others, view.recording.takes > 0)}
      verb={en.endDialog.verb}
      onConfirm={() => void session.send({ type: "class.end" })}
      onClose={onClose}
      data-testid="confirm"
    />
  );
}
