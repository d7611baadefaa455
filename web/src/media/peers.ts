/**
 * Where RTCPeerConnections come from, each with its lines. The first is made at the door, while nobody waits: a browser
 * takes 50 to 150 ms for twenty-five lines and the first offer, half of the way from the click to the first picture.
 *
 * Nothing is gathered or sent before the offer becomes its local description.
 */

import { addLines, type Lines, type Pool } from "./lines";

export interface Peer {
  readonly connection: RTCPeerConnection;
  readonly lines: Lines;
}

export class PeerSource {
  private spare: Peer | null = null;

  constructor(private readonly pool: Pool) {}

  /** Make one ahead. */
  prepare(): void {
    if (this.spare !== null) return;
    this.spare = this.make([]);
    // The first offer of a page is the slowest; this one is for practice.
    void this.spare.connection.createOffer().catch(() => undefined);
  }

  /** One that nobody has used. */
  take(iceServers: readonly RTCIceServer[]): Peer {
    const spare = this.spare;
    if (spare === null) return this.make(iceServers);
    this.spare = null;
    if (iceServers.length > 0) spare.connection.setConfiguration(configuration(iceServers));
    return spare;
  }

  private make(iceServers: readonly RTCIceServer[]): Peer {
    const connection = new RTCPeerConnection(configuration(iceServers));
    return { connection, lines: addLines(connection, this.pool) };
  }
}

function configuration(iceServers: readonly RTCIceServer[]): RTCConfiguration {
  return { iceServers: [...iceServers], bundlePolicy: "max-bundle" };
}
