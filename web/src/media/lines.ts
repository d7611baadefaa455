/**
 * The lines of the one offer: four for what we may send, then a pool to receive on.
 *
 * The sending lines carry no track at first; tracks come and go by `replaceTrack`, which needs no new offer. Only Opus,
 * and VP8 with its retransmissions, are offered: it keeps twenty-five lines well under the 64 KiB a frame may have.
 */

import { type Source, SOURCES } from "./sources";

/** Simulcast, smallest first; the caps are those the server plans with. */
export const CAMERA_LAYERS: readonly RTCRtpEncodingParameters[] = [
  { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "h", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

/** Text must stay sharp; above this a projector gains nothing. */
const SCREEN_BITRATE = 2_500_000;

export interface Pool {
  readonly audio: number;
  readonly video: number;
}

export const DESK_POOL: Pool = { audio: 5, video: 16 };
export const PHONE_POOL: Pool = { audio: 5, video: 9 };

const KIND: Record<Source, "audio" | "video"> = { mic: "audio", camera: "video", screen: "video", screen_audio: "audio" };

export interface Lines {
  readonly sending: ReadonlyMap<Source, RTCRtpTransceiver>;
  readonly receiving: readonly RTCRtpTransceiver[];
}

export function addLines(connection: RTCPeerConnection, pool: Pool): Lines {
  const sending = new Map<Source, RTCRtpTransceiver>();
  for (const source of SOURCES) sending.set(source, addSending(connection, source));
  const receiving: RTCRtpTransceiver[] = [];
  for (let n = 0; n < pool.audio; n += 1) receiving.push(connection.addTransceiver("audio", { direction: "recvonly" }));
  for (let n = 0; n < pool.video; n += 1) receiving.push(connection.addTransceiver("video", { direction: "recvonly" }));
  for (const line of [...sending.values(), ...receiving]) preferOurCodecs(line);
  return { sending, receiving };
}

function addSending(connection: RTCPeerConnection, source: Source): RTCRtpTransceiver {
  const sendEncodings =
    source === "camera" ? [...CAMERA_LAYERS] : source === "screen" ? [{ maxBitrate: SCREEN_BITRATE }] : [];
  return connection.addTransceiver(KIND[source], {
    direction: "sendonly",
    ...(sendEncodings.length > 0 ? { sendEncodings } : {}),
  });
}

const OUR_CODECS: ReadonlySet<string> = new Set(["audio/opus", "video/vp8", "video/rtx"]);

function preferOurCodecs(line: RTCRtpTransceiver): void {
  const kind = line.receiver.track.kind;
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const ours = codecs.filter((codec) => OUR_CODECS.has(codec.mimeType.toLowerCase()));
  if (ours.length > 0) line.setCodecPreferences(ours);
}

/** mid -> source of the sending lines; only known once the offer is the local description. */
export function sourcesByMid(lines: Lines): Record<string, Source> {
  const sources: Record<string, Source> = {};
  for (const [source, line] of lines.sending) if (line.mid !== null) sources[line.mid] = source;
  return sources;
}
