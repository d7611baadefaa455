"""The lines of a page's offer, as web/src/media/lines.ts makes them, and what an answer says of the other side."""

from __future__ import annotations

from typing import Any

AUDIO, VIDEO, RTX = 111, 96, 97
LEVEL_ID, STAMP_ID, MID_ID, RID_ID = 1, 3, 4, 10
AUDIO_SLOTS, VIDEO_SLOTS = 5, 16

SENDING = {"mic": "audio", "camera": "video", "screen": "video", "screen_audio": "audio"}
MIDS = {source: str(number) for number, source in enumerate(SENDING)}
RIDS = ("l", "m", "h")

_URN = "urn:ietf:params:rtp-hdrext:"
_TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def offer(ufrag: str, password: str, fingerprint: str) -> str:
    """What the class room's page offers: four lines to send on, and a pool to receive on."""
    lines = [(mid, SENDING[source], source) for source, mid in MIDS.items()]
    pool = ["audio"] * AUDIO_SLOTS + ["video"] * VIDEO_SLOTS
    lines += [(str(number), kind, "") for number, kind in enumerate(pool, start=len(lines))]
    text = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE " + " ".join(mid for mid, *_ in lines)]
    text += ["a=extmap-allow-mixed", "a=msid-semantic: WMS"]
    for mid, kind, source in lines:
        numbers = str(AUDIO) if kind == "audio" else f"{VIDEO} {RTX}"
        text += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0"]
        text += [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{password}", "a=ice-options:trickle"]
        text += [f"a=fingerprint:sha-256 {fingerprint}", "a=setup:actpass", f"a=mid:{mid}"]
        text += [f"a=extmap:{LEVEL_ID} {_URN}ssrc-audio-level"] if kind == "audio" else []
        text += [f"a=extmap:{STAMP_ID} {_TWCC}", f"a=extmap:{MID_ID} {_URN}sdes:mid"]
        text += [f"a=extmap:{RID_ID} {_URN}sdes:rtp-stream-id"] if kind == "video" else []
        text += ["a=sendonly" if source else "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize"]
        if kind == "audio":
            text += [f"a=rtpmap:{AUDIO} opus/48000/2", f"a=rtcp-fb:{AUDIO} transport-cc", f"a=rtcp-fb:{AUDIO} nack"]
            text += [f"a=fmtp:{AUDIO} minptime=10;useinbandfec=1"]
        else:
            text += [f"a=rtpmap:{VIDEO} VP8/90000"]
            text += [
                f"a=rtcp-fb:{VIDEO} {what}" for what in ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
            ]
            text += [f"a=rtpmap:{RTX} rtx/90000", f"a=fmtp:{RTX} apt={VIDEO}"]
        if source == "camera":
            text += [f"a=rid:{rid} send" for rid in RIDS] + [f"a=simulcast:send {';'.join(RIDS)}"]
        elif source:
            text += [f"a=ssrc:{0x10000 + int(mid)} cname:bench"]
    return "\r\n".join(text) + "\r\n"


def remote(sdp: str) -> dict[str, Any]:
    """Where it is, and its ICE credentials."""
    found: dict[str, Any] = {"lite": True}
    for line in sdp.splitlines():
        name, _, value = line.partition(":")
        if name == "a=ice-ufrag":
            found["ufrag"] = value
        elif name == "a=ice-pwd":
            found["password"] = value
        elif name == "a=candidate" and " udp " in line and "host" not in found:
            words = value.split()
            found["host"], found["port"] = words[4], int(words[5])
    return found
