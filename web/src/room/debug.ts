/** `window.bichron`: a look inside for end-to-end tests and for whoever reports a fault. Read-only by convention. */

import type { Classroom } from "../state/model";
import type { ClassSession } from "./session";

export interface Debug {
  readonly pc: RTCPeerConnection | null;
  readonly view: Classroom | null;
  readonly participant: string;
  /** How many offers this page has made; a move between rooms must not add one. */
  readonly negotiations: number;
}

declare global {
  interface Window {
    bichron?: unknown;
  }
}

export function exposeForTests(session: ClassSession): void {
  const debug: Debug = {
    get pc() {
      return session.media.connection;
    },
    get view() {
      return session.view.peek();
    },
    get participant() {
      return session.me.peek();
    },
    get negotiations() {
      return session.media.negotiations;
    },
  };
  window.bichron = debug;
}
