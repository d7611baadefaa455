/** Answers as bars. It is a table, so it can be read as one. */
import { Check } from "lucide";
import { Icon } from "./Icon";
import { design as words } from "../strings/design";
import "./chart.css";

export interface Bar {
  label: string;
  value: number;
  /** The viewer's own answer. */
  own?: boolean;
}

interface BarChartProps {
  /** What is counted; read aloud, not shown (the question stands above). */
  caption: string;
  bars: readonly Bar[];
  /** The unit column's name. */
  unit?: string;
}

export function BarChart({ caption, bars, unit = words.votes }: BarChartProps) {
  const total = bars.reduce((sum, bar) => sum + bar.value, 0);
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  return (
    <table class="bar-chart">
      <caption class="visually-hidden">{caption}</caption>
      <thead class="visually-hidden"><tr><th scope="col">{words.answer}</th><th scope="col">{unit}</th></tr></thead>
      <tbody>
        {bars.map((bar, index) => (
          <tr key={index} class={total > 0 && bar.value === most ? "bar-chart-top" : undefined}>
            <th scope="row">
              <span>{bar.label}</span>
              {bar.own && <span class="bar-chart-own"><Icon of={Check} size={12} /> {words.yourAnswer}</span>}
            </th>
            <td>
              <span class="bar-chart-bar" style={{ "--share": String(total ? bar.value / total : 0) }} aria-hidden="true" />
              <span class="bar-chart-value">{bar.value}{total > 0 && <span class="quiet-text"> · {words.share(bar.value / total)}</span>}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
