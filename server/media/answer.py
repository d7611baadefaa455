"""The server's answer, written as text (RFC 9429 5.3): ICE-lite, DTLS server, one transport for all lines.

The only SDP a participant ever gets: afterwards sources move between slots by rewriting RTP. Sending lines are
received with every layer they offer; receiving lines are slots with an SSRC of ours that never changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from server.media.formats import NAMES, NO_RTX, Format
from server.media.net.dtls import Fingerprint
from server.media.net.ice import Credentials
from server.media.offer import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_CC,
    Declined,
    Line,
    Offer,
)

# Chromium's first guess is 300 kbit/s, at which only the lowest layer is sent; with 1000 the highest one follows in
# a fraction of a second. It still ramps down by feedback if the network cannot carry that.
_START_BITRATE_KBPS = 1000

# What is asked of a publisher. Not video-orientation: without it a phone turns the picture itself, and neither viewers
# nor recordings need to know.
_RECEIVED_EXTENSIONS = {
    "audio": (AUDIO_LEVEL, TRANSPORT_CC, MID),
    "video": (TRANSPORT_CC, MID, RID, REPAIRED_RID),
}
_SENT_EXTENSIONS = (TRANSPORT_CC,)

_UDP_PRIORITY = 2130706431
_TCP_PRIORITY = 1671430143


class Publishing(Struct, frozen=True):
    """A line we receive."""


class Slotted(Struct, frozen=True):
    """A line we send on. `rtx_ssrc` means nothing when the line has no retransmission."""

    ssrc: int
    rtx_ssrc: int


class Idle(Struct, frozen=True):
    """A line neither side uses, but which may stay: nobody can send on it."""


Role = Publishing | Slotted | Idle


class Endpoint(Struct, frozen=True):
    """Where and as whom the server is to be found."""

    addresses: tuple[str, ...]
    port: int
    tcp: bool
    fingerprint: Fingerprint


class Session(Struct, frozen=True):
    """What answers of one connection share, and which of them this is (RFC 8866 5.2): a page tells by it whether an
    ICE restart was taken for one.
    """

    number: int
    version: int


def build_answer(
    offer: Offer, roles: Mapping[str, Role], local: Credentials, endpoint: Endpoint, session: Session
) -> str:
    """The answer to `offer`; `roles` has every accepted line, by mid."""
    accepted = [line.mid for line in offer.lines if isinstance(line, Line)]
    text = [
        "v=0",
        f"o=- {session.number} {session.version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(accepted)}",
        "a=msid-semantic: WMS *",
    ]
    # Repeated in every section: RFC 8843 wants it in the first one only, aiortc reads the last.
    transport = _transport(local, endpoint)
    for line in offer.lines:
        match line:
            case Declined():
                text += [
                    f"m={line.media} 0 {line.transport} {line.format}",
                    "c=IN IP4 0.0.0.0",
                    f"a=mid:{line.mid}",
                    "a=inactive",
                ]
            case Line():
                text += _section(line, roles[line.mid], offer)
                text += transport
    return "\r\n".join(text) + "\r\n"


def _section(line: Line, role: Role, offer: Offer) -> list[str]:
    # A publisher is told what to send, a viewer all he may get: the payload type says which it is at each moment.
    formats = line.formats[:1] if isinstance(role, Publishing) else line.formats
    has_rtx = any(format_.rtx_payload_type != NO_RTX for format_ in formats)
    numbers = [number for one in formats for number in (one.payload_type, one.rtx_payload_type) if number != NO_RTX]
    text = [
        f"m={line.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(str(number) for number in numbers)}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=mid:{line.mid}",
    ]
    for format_ in formats:
        text += _format(format_, line.kind, hint=offer.from_chromium and isinstance(role, Publishing))
    match role:
        case Publishing():
            text += ["a=recvonly", *_extmap(line, _RECEIVED_EXTENSIONS[line.kind])]
            if line.rids:
                text += [f"a=rid:{rid} recv" for rid in line.rids]
                text.append(f"a=simulcast:recv {';'.join(line.rids)}")
        case Slotted(ssrc, rtx_ssrc):
            text += ["a=sendonly", *_extmap(line, _SENT_EXTENSIONS), f"a=msid:slot-{line.mid} track-{line.mid}"]
            if has_rtx:
                text.append(f"a=ssrc-group:FID {ssrc} {rtx_ssrc}")
            text.append(f"a=ssrc:{ssrc} cname:{CNAME}")
            if has_rtx:
                text.append(f"a=ssrc:{rtx_ssrc} cname:{CNAME}")
        case Idle():
            text.append("a=inactive")
    return text


CNAME = "bichron"
"""One clock for everything we send (RFC 3550 6.5.1): ours."""


_FEEDBACK = {
    "audio": ("nack", "transport-cc"),
    "video": ("nack", "nack pli", "ccm fir", "transport-cc"),
}


def _format(format_: Format, kind: str, *, hint: bool) -> list[str]:
    number, rtx = format_.payload_type, format_.rtx_payload_type
    text = [f"a=rtpmap:{number} {NAMES[format_.kind.codec]}"]
    hints = [f"x-google-start-bitrate={_START_BITRATE_KBPS}"] if hint and kind == "video" else []
    parameters = ";".join([*filter(None, [format_.parameters]), *hints])
    if parameters:
        text.append(f"a=fmtp:{number} {parameters}")
    if rtx != NO_RTX:
        text += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]
    return text + [f"a=rtcp-fb:{number} {value}" for value in _FEEDBACK[kind] if value in format_.feedback]


def _extmap(line: Line, wanted: tuple[str, ...]) -> list[str]:
    return [f"a=extmap:{line.extensions[uri]} {uri}" for uri in wanted if uri in line.extensions]


def _transport(local: Credentials, endpoint: Endpoint) -> list[str]:
    text = [
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:{endpoint.fingerprint.algorithm} {endpoint.fingerprint.value}",
        "a=setup:passive",
    ]
    for index, address in enumerate(endpoint.addresses):
        where = f"{address} {endpoint.port} typ host"
        # The first address is preferred a little (RFC 8445 5.1.2.1: the local preference is the third byte from below).
        text.append(f"a=candidate:{2 * index + 1} 1 udp {_UDP_PRIORITY - 256 * index} {where}")
        if endpoint.tcp:
            text.append(f"a=candidate:{2 * index + 2} 1 tcp {_TCP_PRIORITY - 256 * index} {where} tcptype passive")
    text.append("a=end-of-candidates")
    return text
