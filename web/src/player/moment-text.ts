/** Times as people write and read them. Pure. */

/** 4327000 -> "1:12:07"; 65000 -> "1:05". */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** For screen readers: "1 hour 12 minutes 7 seconds". */
export function spokenTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: [number, string][] = [[Math.floor(seconds / 3600), "hour"], [Math.floor(seconds / 60) % 60, "minute"], [seconds % 60, "second"]];
  const said = parts.filter(([n]) => n > 0).map(([n, unit]) => new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(n));
  return said.length ? said.join(" ") : "0 seconds";
}

/** What stands after ?t= : "90", "90.5", "1:30", "1:02:07", "1h2m7s"; null when it is none of these. */
export function parseTime(text: string | null): number | null {
  if (!text) return null;
  if (/^\d+(\.\d+)?s?$/.test(text)) return Math.round(parseFloat(text) * 1000);
  const colons = text.match(/^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$/) ?? text.match(/^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/);
  if (!colons) return null;
  const [, hours = "0", minutes = "0", seconds = "0"] = colons;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000);
}
