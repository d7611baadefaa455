/** A switch: on or off, takes effect at once. */
import "./field.css";

interface ToggleProps {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  hint?: string;
  disabled?: boolean;
}

export function Toggle({ label, checked, onChange, hint, disabled }: ToggleProps) {
  return (
    <button type="button" role="switch" class="toggle" aria-checked={checked} disabled={disabled} onClick={() => onChange(!checked)}>
      <span class="toggle-words">
        <span>{label}</span>
        {hint && <span class="field-hint">{hint}</span>}
      </span>
      <span class="toggle-track" aria-hidden="true" />
    </button>
  );
}
