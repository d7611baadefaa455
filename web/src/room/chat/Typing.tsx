/** Who is writing just now; forgotten a few seconds after the last sign of it. */

import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { nameOf, roomOf } from "../selectors";

const FRESH_MS = 5_000;

export function Typing() {
  const { session, ui } = useRoom();
  const { view, me } = useView();
  const now = session.now.value;
  const room = roomOf(view, me);
  const wrote = new Map(view.chat.messages.slice(-20).map((message) => [message.author, message.at]));
  const names = Object.entries(ui.typing.value)
    .filter(([id, at]) => now - at < FRESH_MS && id !== me && roomOf(view, id) === room && (wrote.get(id) ?? 0) < at)
    .map(([id]) => nameOf(view, id))
    .filter((name) => name !== "");
  return <p class="chat-typing">{names.length > 0 ? en.chat.typing(names) : " "}</p>;
}
