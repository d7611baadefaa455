/** Messages of one person that stand together: the name once, each message with its time and what can be done. */

import { useSignal } from "@preact/signals";
import { Trash2 } from "lucide";
import { Avatar, Confirm, IconButton } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import type { ShownMessage } from "../optimistic";
import { isHost, nameOf } from "../selectors";
import { hourAndMinute } from "../time";
import { type MessageGroup, pieces } from "./groups";

export function Group({ group }: { group: MessageGroup }) {
  const { view, me } = useView();
  const name = nameOf(view, group.author);
  return (
    <article class="messages" aria-label={name}>
      <Avatar name={name} seed={group.author} size={28} />
      <div class="messages-body">
        <header>
          <span class="messages-author">{group.author === me ? en.stage.you : name}</span>
          <time class="messages-time" dateTime={new Date(group.at).toISOString()}>{hourAndMinute(group.at)}</time>
        </header>
        {group.messages.map((message) => <OneMessage key={message.id} message={message} />)}
      </div>
    </article>
  );
}

function OneMessage({ message }: { message: ShownMessage }) {
  const { session } = useRoom();
  const { me, role } = useView();
  const asking = useSignal(false);
  const mayDelete = !message.pending && !message.deleted && (message.author === me || isHost(role));
  return (
    <div class={message.pending ? "message message-pending" : "message"} data-testid="chat-message" title={hourAndMinute(message.at)}>
      {message.deleted ? <p class="message-deleted">{en.chat.deleted}</p> : <p class="message-text">{pieces(message.text).map(piece)}</p>}
      {message.pending && <span class="visually-hidden">{en.chat.sending}</span>}
      {mayDelete && (
        <IconButton class="message-delete" icon={Trash2} size="small" label={en.chat.delete} tipAlign="end" onClick={() => (asking.value = true)} />
      )}
      {asking.value && (
        <Confirm
          open
          title={en.chat.deleteTitle}
          consequence={en.chat.deleteText}
          verb={en.chat.deleteVerb}
          onConfirm={() => void session.send({ type: "chat.delete", message: message.id })}
          onClose={() => (asking.value = false)}
        />
      )}
    </div>
  );
}

function piece(part: ReturnType<typeof pieces>[number], n: number) {
  return "link" in part ? <a key={n} href={part.link} target="_blank" rel="noopener noreferrer nofollow">{part.link}</a> : part.text;
}
