/**
 * Asking for the pass that opens the live connection: POST /api/classes/{id}/join.
 *
 * A pass is good once and for minutes, so every connection asks anew. What is *not* here: when to try again
 * (client.ts); this only tells a fault that will pass from a refusal that will not.
 */

export interface Pass {
  readonly token: string;
  readonly participant: string;
  readonly role: string;
  readonly name: string;
  /** What the media connection may need to get through: a TURN server, with a password that ends after hours. */
  readonly ice?: readonly RTCIceServer[];
}

/** The server said no, in a way that trying again will not change. `code` is a stable dotted word. */
export class PassRefused extends Error {
  constructor(readonly code: string) {
    super(`pass refused: ${code}`);
  }
}

/** Raises PassRefused for a lasting no, any other Error for what may work later. */
export async function requestPass(
  classId: string,
  who: { readonly name: string; readonly code: string | null },
  post: typeof fetch = fetch,
): Promise<Pass> {
  const response = await post(`/api/classes/${encodeURIComponent(classId)}/join`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(who.code === null ? { name: who.name } : { name: who.name, code: who.code }),
  });
  if (response.ok) return (await response.json()) as Pass;
  const transient = response.status >= 500 || response.status === 408 || response.status === 429;
  if (transient) throw new Error(`the server answered ${response.status}`);
  throw new PassRefused(await errorCode(response));
}

async function errorCode(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { code?: unknown } };
    if (typeof body.error?.code === "string") return body.error.code;
  } catch {
    // Not our JSON: a proxy's page. The status says enough.
  }
  return `http.${response.status}`;
}
