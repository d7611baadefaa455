/** Reactions as they come in: who and what, for a moment, in the corner of the stage. */

import { Icon } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { nameOf } from "../selectors";
import { isReaction, REACTIONS } from "./reactions";

export function Reactions() {
  const { ui } = useRoom();
  const { view, me } = useView();
  return (
    <ul class="reactions" aria-live="polite">
      {ui.reactions.value.map(({ id, participant, reaction }) =>
        isReaction(reaction) ? (
          <li key={id} class="reaction">
            <Icon of={REACTIONS[reaction]} size={18} />
            <span>{en.reactions.from(participant === me ? en.stage.you : nameOf(view, participant), en.reactions[reaction])}</span>
          </li>
        ) : null,
      )}
    </ul>
  );
}
