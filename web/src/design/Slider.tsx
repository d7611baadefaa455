/** A value between two ends, set by dragging or with the arrow keys. */
import "./field.css";

interface SliderProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  onInput: (value: number) => void;
  /** The value in words ("1.5 times", "80 %"), for screen readers. */
  words?: (value: number) => string;
  /** Show the words beside the slider. */
  shown?: boolean;
}

export function Slider({ label, value, min, max, step, onInput, words, shown }: SliderProps) {
  const done = max > min ? ((value - min) / (max - min)) * 100 : 0;
  return (
    <span class="slider">
      <input
        type="range"
        aria-label={label}
        aria-valuetext={words?.(value)}
        min={min}
        max={max}
        step={step}
        value={value}
        style={{ "--done": `${done}%` }}
        onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
      />
      {shown && words && <output>{words(value)}</output>}
    </span>
  );
}
