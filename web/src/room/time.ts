/** Lengths and times of day as people read them. Pure. */

/** 761000 -> "12:41", 3_727_000 -> "1:02:07"; negative is zero. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${two(minutes)}:${two(seconds % 60)}`;
}

/** What is left until `deadline`, counted up to whole seconds so that "00:00" means over. */
export function remaining(deadline: number, now: number): string {
  return clock(Math.ceil((deadline - now) / 1_000) * 1_000);
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export function hourAndMinute(at: number): string {
  return timeOfDay.format(at);
}
