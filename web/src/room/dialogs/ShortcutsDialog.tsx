/** Every key of the class room, as one list. */

import { Dialog } from "../../design";
import { en } from "../../strings/en";
import { useView } from "../context";

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const { role } = useView();
  const words = en.shortcuts;
  const keys: readonly (readonly [string, string])[] = [
    ["M", words.mic],
    ["V", words.camera],
    ["H", words.hand],
    ["P", words.people],
    ["C", words.chat],
    ["L", words.polls],
    ["B", words.breakouts],
    ...(role === "instructor" ? [["R", words.record] as const] : []),
    ["1–9", words.answer],
    ["?", words.help],
  ];
  return (
    <Dialog open title={words.title} onClose={onClose}>
      <p class="quiet-text">{words.note}</p>
      <dl class="shortcut-list">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt><kbd>{key}</kbd></dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
