/** Where one writes: Enter sends, Shift+Enter breaks the line, and others see that somebody is typing. */

import { useSignal } from "@preact/signals";
import { SendHorizontal } from "lucide";
import { useRef } from "preact/hooks";
import { IconButton, TextField } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { groupOf, roomOf } from "../selectors";

const TEXT_LONGEST = 4_000;
const WARN_FROM = 3_800;
const TYPING_EVERY_MS = 3_000;

export function Compose() {
  const { session } = useRoom();
  const { view, me } = useView();
  const text = useSignal("");
  const toldTyping = useRef(0);
  const room = groupOf(view, roomOf(view, me))?.name ?? en.chat.everyone;

  const typed = (value: string) => {
    text.value = value;
    const now = Date.now();
    if (value === "" || now - toldTyping.current < TYPING_EVERY_MS) return;
    toldTyping.current = now;
    session.pulse({ type: "typing" });
  };
  const send = () => {
    const message = text.value.trim();
    if (message === "") return;
    text.value = "";
    toldTyping.current = 0;
    void session.send({ type: "chat.send", text: message }).then((outcome) => {
      // Refused words come back, unless new ones are being written.
      if (!outcome.done && text.value === "") text.value = message;
    });
  };
  const left = TEXT_LONGEST - text.value.length;
  return (
    <form
      class="chat-compose"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <TextField
        label={en.chat.input}
        labelHidden
        multiline
        placeholder={en.chat.placeholder(room)}
        value={text.value}
        onInput={typed}
        maxLength={TEXT_LONGEST}
        {...(text.value.length > WARN_FROM ? { hint: en.chat.left(left) } : {})}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
        data-testid="chat-input"
      />
      <IconButton icon={SendHorizontal} label={en.chat.send} kind="primary" type="submit" disabled={text.value.trim() === ""} tipAlign="end" data-testid="chat-send" />
    </form>
  );
}
