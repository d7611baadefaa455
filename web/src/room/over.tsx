/** After the class, or in place of it: what happened, and where to go from here. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../design";
import { toasts } from "../design/Toast";
import { en } from "../strings/en";
import type { Boot } from "./boot";
import "./over.css";

type Ending = "ended" | "left" | "removed" | "elsewhere" | "broken" | "closed";

/** Which words fit the reason a connection ended with (server/http/wire.py, and refusals of the join). */
export function endingOf(reason: string): Ending {
  switch (reason) {
    case "ended":
    case "class.ended":
      return "ended";
    case "left":
      return "left";
    case "removed":
    case "roster.removed":
      return "removed";
    case "elsewhere":
      return "elsewhere";
    case "bad-frames":
      return "broken";
    default:
      return "closed";
  }
}

interface OverProps {
  boot: Boot;
  reason: string;
  onReturn: (() => void) | null;
}

export function Over({ boot, reason, onReturn }: OverProps) {
  const ending = endingOf(reason);
  const words = en.over[ending];
  useEffect(() => {
    toasts.value = [];
  }, []);
  return (
    <main class="over">
      <p class="over-class">{boot.title}</p>
      <h1 tabIndex={-1} ref={(heading) => heading?.focus()}>{words.title}</h1>
      <p class="over-text">{words.text}</p>
      <div class="over-actions">
        {ending === "ended" && <RecordingLink boot={boot} />}
        {ending === "left" && onReturn && <Button kind="primary" size="large" onClick={onReturn}>{en.over.rejoin}</Button>}
        {ending === "elsewhere" && onReturn && <Button kind="primary" size="large" onClick={onReturn}>{en.over.here}</Button>}
        {ending === "broken" && <Button kind="primary" size="large" onClick={() => location.reload()}>{en.over.reload}</Button>}
        {boot.role === "instructor" && <a class="button button-plain button-large" href="/">{en.over.classes}</a>}
      </div>
    </main>
  );
}

const ASK_AGAIN_MS = 1_000;
const ASK_AT_MOST = 10;

/** The recording is there about two seconds after the end; until then say so, then offer it. */
function RecordingLink({ boot }: { boot: Boot }) {
  const url = useSignal(boot.recordingUrl);
  const asked = useSignal(0);
  useEffect(() => {
    if (url.value !== null || asked.value >= ASK_AT_MOST) return;
    const timer = window.setTimeout(() => {
      void recordingOf().then((found) => {
        url.value = found;
        asked.value += 1;
      });
    }, ASK_AGAIN_MS);
    return () => window.clearTimeout(timer);
  }, [url.value, asked.value]);
  if (url.value !== null) return <a class="button button-primary button-large" href={url.value} data-testid="watch-recording">{en.over.watch}</a>;
  return boot.recorded && asked.value < ASK_AT_MOST ? <p class="quiet-text" role="status">{en.over.preparing}</p> : null;
}

/** This very page, loaded again, carries the recording's address once there is one. */
async function recordingOf(): Promise<string | null> {
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    const data = /<script type="application\/json" id="boot"[^>]*>(.*?)<\/script>/s.exec(await response.text())?.[1];
    return data === undefined ? null : ((JSON.parse(data) as Partial<Boot>).recordingUrl ?? null);
  } catch {
    return null;
  }
}
