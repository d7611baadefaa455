/** The chat of the room one is in: newest at the bottom; scrolled up, it waits and says how many are new. */

import { useSignal } from "@preact/signals";
import { ArrowDown, MessageSquare } from "lucide";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Button, EmptyState } from "../../design";
import { en } from "../../strings/en";
import { useRoom, useView } from "../context";
import { messagesShown } from "../optimistic";
import { Compose } from "./Compose";
import { grouped } from "./groups";
import { Group } from "./Group";
import { Typing } from "./Typing";
import "./chat.css";

/** Shown at first, and with each press of "earlier". */
const AT_ONCE = 150;
/** As near to the end as counts as being there. */
const END_PX = 48;

export function ChatPanel() {
  const { session, ui } = useRoom();
  const { view, me } = useView();
  const most = useSignal(AT_ONCE);
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const seen = useSignal(0);

  const all = messagesShown(view, session.pending.value, me, session.now.value);
  const shown = all.slice(-most.value);
  const earlier = all.length - shown.length;
  const unseen = Math.max(0, all.length - seen.value);
  const last = all.at(-1)?.id;

  const toEnd = () => scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  useLayoutEffect(() => {
    const mine = all.at(-1)?.author === me;
    if (!atEnd.current && !mine) return;
    toEnd();
    seen.value = all.length;
  }, [last, all.length]);
  useEffect(() => {
    ui.unread.value = 0;
  }, [last]);

  const scrolled = () => {
    const box = scroller.current;
    if (box === null) return;
    atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
    if (atEnd.current) seen.value = all.length;
  };

  return (
    <>
      <div class="panel-scroll chat" ref={scroller} onScroll={scrolled} role="log" aria-live="off" aria-label={en.chat.label} tabIndex={0}>
        {all.length === 0 && <EmptyState icon={MessageSquare} title={en.chat.empty} text={en.chat.emptyText} />}
        {earlier > 0 && <Button kind="quiet" size="small" onClick={() => (most.value += AT_ONCE)}>{en.chat.earlier(earlier)}</Button>}
        {grouped(shown).map((group) => <Group key={group.messages[0]?.id} group={group} />)}
      </div>
      {unseen > 0 && (
        <div class="chat-new"><Button kind="primary" size="small" icon={ArrowDown} onClick={toEnd}>{en.chat.newBelow(unseen)}</Button></div>
      )}
      <Typing />
      <Compose />
    </>
  );
}
