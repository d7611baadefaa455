/**
 * The lines of the one offer: four for what we may send, then a pool to receive on.
 *
 * The sending lines carry no track at first; tracks come and go by `replaceTrack`, which needs no new offer. What we
 * send is Opus and VP8; only a browser without VP8 offers what else the server forwards. What we receive may be any of
 * these, each with its retransmissions: leaving out the rest keeps twenty-five lines under the 64 KiB a frame may have.
 */

import { type Source, SOURCES } from "./sources";

/**
 * Simulcast, smallest first; the caps are those the server plans with. In simulcast Chromium makes three temporal layers
 * (L1T3) of each without being asked; the server leaves pictures out where a link is too narrow for all.
 */
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
  // VP9 would put the three layers into one stream, all or nothing, unless told otherwise.
  const sends = offered(RTCRtpSender.getCapabilities("video")?.codecs ?? [], true)[0]?.mimeType.toLowerCase();
  const layers = sends === "video/vp8" ? CAMERA_LAYERS : CAMERA_LAYERS.map((layer) => ({ ...layer, scalabilityMode: "L1T1" }));
  for (const source of SOURCES) sending.set(source, addSending(connection, source, layers));
  const receiving: RTCRtpTransceiver[] = [];
  for (let n = 0; n < pool.audio; n += 1) receiving.push(connection.addTransceiver("audio", { direction: "recvonly" }));
  for (let n = 0; n < pool.video; n += 1) receiving.push(connection.addTransceiver("video", { direction: "recvonly" }));
  for (const line of [...sending.values(), ...receiving]) preferOurCodecs(line);
  return { sending, receiving };
}

function addSending(connection: RTCPeerConnection, source: Source, layers: readonly RTCRtpEncodingParameters[]): RTCRtpTransceiver {
  const sendEncodings =
    source === "camera" ? [...layers] : source === "screen" ? [{ maxBitrate: SCREEN_BITRATE }] : [];
  return connection.addTransceiver(KIND[source], {
    direction: "sendonly",
    ...(sendEncodings.length > 0 ? { sendEncodings } : {}),
  });
}

/** What the server forwards, the best first (server/media/formats.py). */
const FORWARDED: readonly [type: string, parameters: RegExp][] = [
  ["audio/opus", /^/],
  ["video/vp8", /^/],
  ["video/vp9", /^(?!.*profile-id=[1-9])/],
  ["video/h264", /^(?=.*packetization-mode=1).*profile-level-id=42e0/i],
  ["video/h264", /^(?=.*packetization-mode=1).*profile-level-id=4200/i],
  ["video/h264", /^(?=.*packetization-mode=1).*profile-level-id=64/i],
];

/** Of what a browser can do on a line, what is offered. Pure. */
export function offered<Codec extends RTCRtpCodec>(codecs: readonly Codec[], sends: boolean): Codec[] {
  const has = (codec: Codec, type: string) => codec.mimeType.toLowerCase() === type;
  const ours = FORWARDED.flatMap(
    ([type, parameters]) => codecs.find((codec) => has(codec, type) && parameters.test(codec.sdpFmtpLine ?? "")) ?? [],
  );
  if (ours.length === 0) return [];
  const everybodys = ours.filter((codec) => has(codec, "audio/opus") || has(codec, "video/vp8"));
  const chosen = sends && everybodys.length > 0 ? everybodys : ours;
  return [...chosen, ...codecs.filter((codec) => has(codec, "video/rtx"))];
}

function preferOurCodecs(line: RTCRtpTransceiver): void {
  const sends = line.direction === "sendonly";
  const kind = line.receiver.track.kind;
  const codecs = (sends ? RTCRtpSender : RTCRtpReceiver).getCapabilities(kind)?.codecs ?? [];
  const ours = offered(codecs, sends);
  if (ours.length > 0) line.setCodecPreferences(ours);
}

/** mid -> source of the sending lines; only known once the offer is the local description. */
export function sourcesByMid(lines: Lines): Record<string, Source> {
  const sources: Record<string, Source> = {};
  for (const [source, line] of lines.sending) if (line.mid !== null) sources[line.mid] = source;
  return sources;
}
