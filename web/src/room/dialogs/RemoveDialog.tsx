/** Sending somebody out for good. */

import { Confirm } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { nameOf } from "../selectors";

export function RemoveDialog({ participant, onClose }: { participant: string; onClose: () => void }) {
  const { session } = useRoom();
  const name = nameOf(useView().view, participant);
  return (
    <Confirm
      open
      title={en.people.removeTitle(name)}
      consequence={en.people.removeText(name)}
      verb={en.people.removeVerb(name)}
      onConfirm={() => void session.send({ type: "roster.remove", participant })}
      onClose={onClose}
      data-testid="confirm"
    />
  );
}
