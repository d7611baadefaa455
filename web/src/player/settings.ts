/** What this browser remembers of a viewer. Storage may be shut (private windows): then nothing is remembered. */

export function load<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`bichron.player.${key}`);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export function save(key: string, value: unknown): void {
  try {
    localStorage.setItem(`bichron.player.${key}`, JSON.stringify(value));
  } catch {
    // Not remembered, then.
  }
}
