/** What had been written in this room by that moment. Follows the newest unless the reader scrolled up. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ArrowDown, MessagesSquare } from "lucide";
import { Avatar, Button, EmptyState } from "../design";
import type { Message } from "../state/model";
import { player as words } from "../strings/player";
import type { Player } from "./player";
import { recordingTime, TimeButton } from "./TimeButton";

/** Messages of one person closer than this stand together. */
const TOGETHER_MS = 60_000;
const BOTTOM_PX = 40;

export function ChatPanel({ player }: { player: Player }) {
  const view = player.view.value;
  const room = player.room.value;
  const messages = (view?.chat.messages ?? []).filter((message) => message.room === room && !message.deleted);
  const list = useRef<HTMLOListElement>(null);
  const [following, setFollowing] = useState(true);
  const last = messages.at(-1)?.id;

  const toBottom = () => list.current && (list.current.scrollTop = list.current.scrollHeight);
  useEffect(() => {
    if (following) toBottom();
  }, [last, messages.length, following]);

  if (messages.length === 0) return <EmptyState icon={MessagesSquare} {...words.chatEmpty} />;
  return (
    <div class="chat">
      <ol
        class="chat-list"
        ref={list}
        tabIndex={0}
        aria-label={words.chat}
        data-scroll
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          setFollowing(scrollHeight - scrollTop - clientHeight < BOTTOM_PX);
        }}
      >
        {messages.map((message, index) => {
          const name = view?.roster.people[message.author]?.name ?? "";
          return (
            <li key={message.id} class={isTogether(messages[index - 1], message) ? "chat-item chat-together" : "chat-item"} data-testid="player-chat-message">
              <Avatar name={name} seed={message.author} size={28} />
              <div class="chat-words">
                <p class="chat-head"><strong>{name}</strong> <TimeButton player={player} at_ms={recordingTime(player, message.at)} /></p>
                <p class="chat-text" dir="auto">{message.text}</p>
              </div>
            </li>
          );
        })}
      </ol>
      {!following && <Button kind="primary" size="small" icon={ArrowDown} class="chat-follow" onClick={() => { setFollowing(true); toBottom(); }}>{words.follow}</Button>}
    </div>
  );
}

function isTogether(before: Message | undefined, message: Message): boolean {
  return before !== undefined && before.author === message.author && message.at - before.at < TOGETHER_MS;
}
