/**
 * Lost sound, asked for again.
 *
 * Browsers can repeat lost packets of sound but offer it for pictures only, so the offer is edited before it is made.
 * Where a browser refuses an edited offer, its own one goes out: sound is then not repeated.
 */

/** The offer with `a=rtcp-fb:… nack` (RFC 4585 4.2) for the Opus of every audio line. Pure. */
export function withSoundRepeated(sdp: string): string {
  return sdp
    .split(/(?=^m=)/m)
    .map((section) => (section.startsWith("m=audio") ? repeated(section) : section))
    .join("");
}

function repeated(section: string): string {
  const [line, number] = /^a=rtpmap:(\d+) opus\/48000\/2\r\n/im.exec(section) ?? [];
  if (line === undefined || section.includes(`a=rtcp-fb:${number} nack`)) return section;
  return section.replace(line, `${line}a=rtcp-fb:${number} nack\r\n`);
}

/** Make the offer the local description. */
export async function describeOffer(connection: RTCPeerConnection, options: RTCOfferOptions = {}): Promise<void> {
  const offer = await connection.createOffer(options);
  try {
    await connection.setLocalDescription({ type: "offer", sdp: withSoundRepeated(offer.sdp ?? "") });
  } catch {
    await connection.setLocalDescription(offer);
  }
}
