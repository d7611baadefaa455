/** All keys, on "?". */
import { Dialog } from "../design";
import { player as words } from "../strings/player";

export function KeysDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} title={words.keys} onClose={onClose}>
      <table class="keys">
        <tbody>
          {words.keyList.map(([keys, meaning]) => (
            <tr key={meaning}>
              <th scope="row">{keys.map((key) => <kbd key={key}>{key}</kbd>)}</th>
              <td>{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
