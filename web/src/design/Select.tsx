/** One of a few, in the platform's own list. */
import { useId } from "preact/hooks";
import { ChevronDown } from "lucide";
import { Icon } from "./Icon";
import "./field.css";

export interface Option<T extends string = string> {
  value: T;
  label: string;
  disabled?: boolean;
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly Option<T>[];
  onChange: (value: T) => void;
  labelHidden?: boolean;
  hint?: string;
  disabled?: boolean;
  "data-testid"?: string;
}

export function Select<T extends string>({ label, value, options, onChange, labelHidden, hint, ...rest }: SelectProps<T>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={labelHidden ? "visually-hidden" : "field-label"}>{label}</label>
      <span class="select">
        <select {...rest} id={id} class="input" value={value} aria-describedby={hint ? `${id}-hint` : undefined} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled}>{option.label}</option>
          ))}
        </select>
        <Icon of={ChevronDown} size={16} />
      </span>
      {hint && <span id={`${id}-hint`} class="field-hint">{hint}</span>}
    </div>
  );
}
