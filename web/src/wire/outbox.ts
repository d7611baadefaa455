/**
 * Commands on their way: numbered, kept until the server has answered, sent again after a reconnect.
 *
 * Rule kept: a command leaves the box only when it was refused, or when it was acknowledged *and* its effect is in the
 * view (so that what was shown at once does not flicker away between the acknowledgement and the entry). The server
 * does the same (client, counter) once, however often it arrives. What is *not* here: the socket.
 */

export interface Pending<Command> {
  readonly counter: number;
  readonly command: Command;
  /** The entry that holds its effect; null until acknowledged. */
  readonly seq: number | null;
}

export type Outcome = { readonly done: true; readonly seq: number } | { readonly done: false; readonly reason: string };

export class Outbox<Command> {
  private counter = 0;
  private waiting: readonly Pending<Command>[] = [];
  private readonly resolvers = new Map<number, (outcome: Outcome) => void>();

  /** `changed` hears every new list of pending commands. */
  constructor(private readonly changed: (pending: readonly Pending<Command>[]) => void = () => undefined) {}

  get pending(): readonly Pending<Command>[] {
    return this.waiting;
  }

  /** Those the server has not answered yet, in the order they were given. */
  get unanswered(): readonly Pending<Command>[] {
    return this.waiting.filter((sending) => sending.seq === null);
  }

  add(command: Command): { sending: Pending<Command>; outcome: Promise<Outcome> } {
    this.counter += 1;
    const sending: Pending<Command> = { counter: this.counter, command, seq: null };
    const outcome = new Promise<Outcome>((resolve) => this.resolvers.set(sending.counter, resolve));
    this.set([...this.waiting, sending]);
    return { sending, outcome };
  }

  acked(counter: number, seq: number, viewSeq: number): void {
    this.settle(counter, { done: true, seq });
    this.set(
      this.waiting
        .map((sending) => (sending.counter === counter ? { ...sending, seq } : sending))
        .filter((sending) => !seenIn(sending, viewSeq)),
    );
  }

  refused(counter: number, reason: string): void {
    this.settle(counter, { done: false, reason });
    this.set(this.waiting.filter((sending) => sending.counter !== counter));
  }

  /** The view has reached `viewSeq`: acknowledged commands up to there are visible in it. */
  seen(viewSeq: number): void {
    if (this.waiting.some((sending) => seenIn(sending, viewSeq))) {
      this.set(this.waiting.filter((sending) => !seenIn(sending, viewSeq)));
    }
  }

  /** An acknowledged command whose effect this viewer may not see at all need not wait for it. */
  forget(counter: number): void {
    this.set(this.waiting.filter((sending) => sending.counter !== counter || sending.seq === null));
  }

  /** Give up on everything: the class is over for this person. */
  abandon(reason: string): void {
    for (const sending of this.waiting) this.settle(sending.counter, { done: false, reason });
    this.set([]);
  }

  private settle(counter: number, outcome: Outcome): void {
    this.resolvers.get(counter)?.(outcome);
    this.resolvers.delete(counter);
  }

  private set(waiting: readonly Pending<Command>[]): void {
    this.waiting = waiting;
    this.changed(waiting);
  }
}

function seenIn<Command>(sending: Pending<Command>, viewSeq: number): boolean {
  return sending.seq !== null && sending.seq <= viewSeq;
}
