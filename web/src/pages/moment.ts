/** Instants in the reader's own words and zone. */

const DAY_MS = 86_400_000;

/** "today, 14:05", "yesterday, 09:30", "21 Nov, 14:05", and the year when it is another one. */
export function localMoment(at: Date, now: Date, language: string, zone?: string): string {
  const time = at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", timeZone: zone });
  const days = Math.round((dayOf(now, zone) - dayOf(at, zone)) / DAY_MS);
  if (days === 0 || days === 1) {
    const word = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-days, "day");
    return `${word}, ${time}`;
  }
  const sameYear = yearOf(at, zone) === yearOf(now, zone);
  const date = at.toLocaleDateString(language, { day: "numeric", month: "short", timeZone: zone, ...(sameYear ? {} : { year: "numeric" }) });
  return `${date}, ${time}`;
}

/** For a moment that stands alone: "Today, 14:05". */
export function capitalised(words: string, language: string): string {
  return words.charAt(0).toLocaleUpperCase(language) + words.slice(1);
}

/** Midnight UTC of the calendar day that it is in the zone. */
function dayOf(at: Date, zone?: string): number {
  const [year = 0, month = 1, day = 1] = at.toLocaleDateString("en-CA", { timeZone: zone }).split("-").map(Number);
  return Date.UTC(year, month - 1, day);
}

function yearOf(at: Date, zone?: string): string {
  return at.toLocaleDateString("en-CA", { timeZone: zone, year: "numeric" });
}
