/** The real world behind a LiveClient: fetch, WebSocket, timers, dice. */

import type { World } from "./client";
import { requestPass } from "./pass";

export function browserWorld(classId: string, who: { readonly name: string; readonly code: string | null }): World {
  return {
    requestPass: () => requestPass(classId, who),
    openSocket: () => {
      const url = new URL(`/api/classes/${encodeURIComponent(classId)}/live`, location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      return new WebSocket(url);
    },
    after: (ms, run) => window.setTimeout(run, ms),
    cancel: (timer) => window.clearTimeout(timer),
    now: () => Date.now(),
    chance: () => Math.random(),
  };
}

/** Names this page's sendings; a reload is a new client, so its counter may start again. */
export function freshClientId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
