/** How components reach the stay they belong to: `useRoom()` for everything, `useView()` for the class as it is now. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Classroom, Role } from "../state/model";
import { roleOf } from "./selectors";
import type { ClassSession } from "./session";
import type { Ui } from "./ui";

export interface Room {
  readonly session: ClassSession;
  readonly ui: Ui;
}

export const RoomContext = createContext<Room | null>(null);

export function useRoom(): Room {
  const room = useContext(RoomContext);
  if (room === null) throw new Error("used outside the class room");
  return room;
}

/** The class, and who is looking at it. Components that call this follow every change of the view. */
export function useView(): { readonly view: Classroom; readonly me: string; readonly role: Role } {
  const { session } = useRoom();
  const view = session.view.value;
  if (view === null) throw new Error("used before the class was shown");
  const me = session.me.value;
  return { view, me, role: roleOf(view, me) };
}
