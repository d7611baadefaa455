/** How much: a level that moves (a voice) or a progress that ends. */
import "./meter.css";

interface MeterProps {
  label: string;
  /** 0..1 */
  value: number;
  /** "level" is a voice, "progress" goes to the end. */
  kind?: "level" | "progress";
  tone?: "accent" | "green" | "amber";
}

export function Meter({ label, value, kind = "progress", tone = "accent" }: MeterProps) {
  const share = Math.max(0, Math.min(1, value));
  return (
    <div
      class={`meter meter-${tone} meter-${kind}`}
      role={kind === "progress" ? "progressbar" : "meter"}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <span style={{ transform: `scaleX(${share.toFixed(3)})` }} />
    </div>
  );
}
