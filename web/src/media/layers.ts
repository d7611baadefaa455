/**
 * Resting the layers of one's own picture that nobody watches or records: less to encode, less to send.
 *
 * A layer rests by `active = false` on its encoding; it keeps its SSRC, and coming back needs no new offer. One change at
 * a time, the latest one counts: a sender refuses parameters that are not its newest.
 */

export class LayerSwitch {
  private wanted: readonly string[] | null = null;
  private busy = false;

  constructor(private readonly sender: Pick<RTCRtpSender, "getParameters" | "setParameters">) {}

  /** Send these layers and no others; a picture without layers has the one rid "". */
  send(rids: readonly string[]): void {
    this.wanted = rids;
    if (!this.busy) void this.follow();
  }

  private async follow(): Promise<void> {
    this.busy = true;
    while (this.wanted !== null) {
      const rids = this.wanted;
      this.wanted = null;
      try {
        const parameters = this.sender.getParameters();
        for (const encoding of parameters.encodings) encoding.active = rids.includes(encoding.rid ?? "");
        await this.sender.setParameters(parameters);
      } catch (error) {
        // It goes on sending everything: wasteful, but nobody misses anything.
        console.warn("layers cannot be switched", error);
      }
    }
    this.busy = false;
  }
}
