/** A panel that covers most of a small window and slides in from an edge. Modal, like a dialog. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { X } from "lucide";
import { IconButton } from "./Button";
import { useModal } from "./Dialog";
import { design as words } from "../strings/design";
import "./dialog.css";

interface SheetProps {
  open: boolean;
  title: string;
  onClose: () => void;
  from?: "bottom" | "end";
  children?: ComponentChildren;
}

export function Sheet({ open, title, onClose, from = "bottom", children }: SheetProps) {
  const { dialog, ...events } = useModal(open, onClose);
  const id = useId();
  return (
    <dialog {...events} ref={dialog} class={`sheet sheet-${from}`} aria-labelledby={id}>
      {open && (
        <div class="sheet-body">
          <div class="sheet-head">
            <h2 id={id}>{title}</h2>
            <IconButton icon={X} label={words.close} onClick={onClose} tipSide="below" tipAlign="end" />
          </div>
          <div class="sheet-content">{children}</div>
        </div>
      )}
    </dialog>
  );
}
