/** A question or a form that must be settled first: the native <dialog>, which traps and returns the focus by itself. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { X } from "lucide";
import { Button, IconButton } from "./Button";
import { design as words } from "../strings/design";
import "./dialog.css";

interface DialogProps {
  open: boolean;
  title: string;
  onClose: () => void;
  children?: ComponentChildren;
  /** Buttons at the foot, the main one last. */
  actions?: ComponentChildren;
  wide?: boolean;
  "data-testid"?: string;
}

export function Dialog({ open, title, onClose, children, actions, wide, ...rest }: DialogProps) {
  const { dialog, ...events } = useModal(open, onClose);
  const id = useId();
  return (
    <dialog {...rest} {...events} onKeyDown={keepKeys} ref={dialog} class={wide ? "dialog dialog-wide" : "dialog"} aria-labelledby={id}>
      {open && (
        <div class="dialog-body">
          <div class="dialog-head">
            <h2 id={id}>{title}</h2>
            <IconButton icon={X} label={words.close} onClick={onClose} tipSide="below" tipAlign="end" />
          </div>
          <div class="dialog-content">{children}</div>
          {actions && <div class="dialog-actions">{actions}</div>}
        </div>
      )}
    </dialog>
  );
}

interface ConfirmProps {
  open: boolean;
  /** The question. */
  title: string;
  /** What follows from a yes, in one sentence. */
  consequence: string;
  /** The verb of the yes: "End class", "Remove Bo". */
  verb: string;
  danger?: boolean;
  onConfirm: () => void;
  onClose: () => void;
  "data-testid"?: string;
}

/** Ask once before what cannot be undone. The focus starts on Cancel. */
export function Confirm({ open, title, consequence, verb, danger = true, onConfirm, onClose, ...rest }: ConfirmProps) {
  const { dialog, ...events } = useModal(open, onClose);
  const id = useId();
  return (
    <dialog {...events} onKeyDown={keepKeys} ref={dialog} class="dialog dialog-confirm" role="alertdialog" aria-labelledby={id} aria-describedby={`${id}-text`}>
      {open && (
        <div class="dialog-body">
          <div class="dialog-head"><h2 id={id}>{title}</h2></div>
          <div class="dialog-content" id={`${id}-text`}>{consequence}</div>
          <div class="dialog-actions">
            <Button kind="plain" onClick={onClose} autofocus>{words.cancel}</Button>
            <Button {...rest} kind={danger ? "danger" : "primary"} onClick={() => { onClose(); onConfirm(); }}>{verb}</Button>
          </div>
        </div>
      )}
    </dialog>
  );
}

/** One-letter shortcuts of the page behind a question must not hear keys typed into it. (A sheet is part of its page.) */
function keepKeys(event: KeyboardEvent): void {
  event.stopPropagation();
}

/** Open and close a modal <dialog> with a prop; Escape and a press on the backdrop ask to close. */
export function useModal(open: boolean, onClose: () => void) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open]);
  // One that is taken off the page while open would take the focus with it; closed first, it gives it back.
  useLayoutEffect(() => {
    const element = dialog.current;
    return () => element?.close();
  }, []);
  return {
    dialog,
    onCancel: (event: Event) => {
      event.preventDefault();
      onClose();
    },
    onPointerDown: (event: PointerEvent) => {
      if (event.target === event.currentTarget) onClose();
    },
  };
}
