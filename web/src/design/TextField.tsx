/** A labelled line (or box) of text, with a hint or an error that belongs to it. */
import { useId } from "preact/hooks";
import type { RefCallback, RefObject } from "preact";
import { CircleAlert } from "lucide";
import { Icon } from "./Icon";
import "./field.css";

export type FieldElement = HTMLInputElement | HTMLTextAreaElement;

interface TextFieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string;
  error?: string;
  /** The label is read aloud but not shown; for a field whose place says what it is, such as chat. */
  labelHidden?: boolean;
  multiline?: boolean;
  placeholder?: string;
  maxLength?: number;
  large?: boolean;
  required?: boolean;
  disabled?: boolean;
  autoFocus?: boolean;
  autoComplete?: string;
  type?: "text" | "search" | "number";
  name?: string;
  onKeyDown?: (event: KeyboardEvent) => void;
  inputRef?: RefObject<FieldElement | null> | RefCallback<FieldElement>;
  "data-testid"?: string;
}

export function TextField(props: TextFieldProps) {
  const { label, value, onInput, hint, error, labelHidden, multiline, large, type, inputRef, ...rest } = props;
  const id = useId();
  const about = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  const shared = {
    ...rest,
    id,
    value,
    class: large ? "input input-large" : "input",
    "aria-invalid": error ? true : undefined,
    "aria-describedby": about,
    onInput: (event: Event) => onInput((event.currentTarget as FieldElement).value),
  };
  return (
    <div class="field">
      <label for={id} class={labelHidden ? "visually-hidden" : "field-label"}>{label}</label>
      {multiline ? <textarea {...shared} rows={1} ref={inputRef as RefObject<HTMLTextAreaElement>} /> : <input {...({ ...shared, type: type ?? "text" } as object)} ref={inputRef as RefObject<HTMLInputElement>} />}
      {error ? (
        <span id={`${id}-error`} class="field-error" role="alert"><Icon of={CircleAlert} size={14} />{error}</span>
      ) : (
        hint && <span id={`${id}-hint`} class="field-hint">{hint}</span>
      )}
    </div>
  );
}
