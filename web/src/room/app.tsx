/** The three stations of a visit: at the door, in the class, afterwards. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Announcer, Button, Toasts } from "../design";
import { watchDevices } from "../media/devices";
import { DESK_POOL, PHONE_POOL } from "../media/lines";
import { LocalMedia } from "../media/local";
import { PeerSource } from "../media/peers";
import { en } from "../strings/en";
import type { Boot } from "./boot";
import { ClassRoom } from "./classroom";
import { RoomContext } from "./context";
import { exposeForTests } from "./debug";
import { JoinPage } from "./join/JoinPage";
import { Over } from "./over";
import { isHost } from "./selectors";
import { ClassSession } from "./session";
import { witnessOf } from "./tell";
import { isNarrow, Ui } from "./ui";
import "./room.css";

/** The page and the devices come first. */
const PREPARE_AFTER_MS = 300;

interface Stay {
  readonly session: ClassSession;
  readonly ui: Ui;
}

export function App({ boot }: { boot: Boot }) {
  const stay = useSignal<Stay | null>(null);
  const local = useMemo(() => new LocalMedia(), []);
  const peers = useMemo(() => new PeerSource(isNarrow() ? PHONE_POOL : DESK_POOL), []);
  useEffect(watchDevices, []);
  useEffect(() => {
    if (boot.phase === "ended" || boot.role === null) return undefined;
    const timer = window.setTimeout(() => peers.prepare(), PREPARE_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [boot, peers]);
  useEffect(() => {
    document.title = `${boot.title} · Bichron`;
  }, [boot.title]);

  const enter = (name: string) => {
    // What failed at the door was said there.
    local.troubles.value = {};
    const ui = new Ui(boot.role !== null && isHost(boot.role));
    const session = new ClassSession(boot, name, local, peers);
    session.witness = witnessOf(session, ui);
    exposeForTests(session);
    session.enter();
    stay.value = { session, ui };
  };

  return (
    <>
      <Station boot={boot} stay={stay.value} local={local} enter={enter} leave={() => (stay.value = null)} />
      <Toasts />
      <Announcer />
    </>
  );
}

interface StationProps {
  boot: Boot;
  stay: Stay | null;
  local: LocalMedia;
  enter: (name: string) => void;
  leave: () => void;
}

function Station({ boot, stay, local, enter, leave }: StationProps) {
  if (boot.phase === "ended") return <Over boot={boot} reason="ended" onReturn={null} />;
  if (boot.role === null) return <Over boot={boot} reason="closed" onReturn={null} />;
  if (stay === null) return <JoinPage boot={boot} local={local} onJoin={enter} />;
  const status = stay.session.status.value;
  const takeOver = () => {
    enter(stay.session.name);
    void local.reopen();
  };
  if (status.phase === "over") {
    return <Over boot={boot} reason={status.reason} onReturn={status.reason === "elsewhere" ? takeOver : leave} />;
  }
  if (stay.session.view.value === null) return <Entering title={boot.title} away={status.phase === "away"} onTry={() => stay.session.reconnectNow()} />;
  return (
    <RoomContext.Provider value={stay}>
      <ClassRoom />
    </RoomContext.Provider>
  );
}

/** Between the click and the first view; seldom long enough to be seen, unless the server does not answer. */
function Entering({ title, away, onTry }: { title: string; away: boolean; onTry: () => void }) {
  return (
    <main class="entering" aria-busy={!away}>
      <p class="over-class">{title}</p>
      <p role="status" class={away ? "entering-away" : undefined}>{away ? en.join.unanswered : en.join.joining}</p>
      {away && <p class="over-text">{en.join.unansweredText}</p>}
      {away && <Button kind="primary" size="large" onClick={onTry}>{en.banners.tryNow}</Button>}
    </main>
  );
}
