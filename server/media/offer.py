"""A browser's offer, read as text (RFC 8866, RFC 9429): only what the server answers to.

An offer is a participant's input: it is bounded, and anything that cannot be answered raises ValueError before
anything else happens. What is not negotiated here (data channels, codecs beyond formats.py) is declined line by line
in answer.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from server.media.formats import NO_RTX, Format, in_order, kind_of
from server.media.net.dtls import Fingerprint
from server.media.net.ice import Credentials

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

# A page with 4 sending and 21 receiving lines offers 90 kB in Chromium if it trims no codecs.
_MAX_OFFER_BYTES = 512 << 10
_MAX_LINES = 128
_MAX_RIDS = 4

_TOKEN = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,64}")  # RFC 8866 9, "token"
_RID = re.compile(r"[0-9A-Za-z_-]{1,16}")  # RFC 8851 10; one-byte header extensions end at 16
_ICE = re.compile(r"[0-9A-Za-z+/]{4,256}")  # RFC 8839 5.4

_MAX_FORMATS = 128
"""More payload types there are not."""


class Line(Struct, frozen=True):
    """One m= section we can answer with a codec of ours; `formats` has what is offered of those, the best first.

    `ssrcs` are what the offer announces, without the retransmission ones; `repairs` maps those to what they repair.
    `extensions` maps URI to the id the offer gave it.
    """

    mid: str
    kind: str
    sends: bool
    receives: bool
    formats: tuple[Format, ...]
    rids: tuple[str, ...]
    ssrcs: tuple[int, ...]
    repairs: Mapping[int, int]
    extensions: Mapping[str, int]

    @property
    def format(self) -> Format:
        """What it sends in, by our answer."""
        return self.formats[0]


class Declined(Struct, frozen=True):
    """An m= section that gets port 0 in the answer; `media` and `transport` are repeated there."""

    mid: str
    media: str
    transport: str
    format: str


class Offer(Struct, frozen=True):
    """All that matters of one offer, in the order of its lines."""

    remote: Credentials
    fingerprints: tuple[Fingerprint, ...]
    lines: tuple[Line | Declined, ...]
    from_chromium: bool
    """Has Google's private attributes a meaning for the sender? (libwebrtc says goog-remb but not mozilla.)"""


def parse_offer(sdp: str) -> Offer:
    """Raises ValueError for anything that cannot be answered."""
    if len(sdp) > _MAX_OFFER_BYTES:
        raise ValueError(f"an offer of {len(sdp)} characters is too long")
    head, *sections = list(_sections(sdp))
    if not sections:
        raise ValueError("an offer without m= lines")
    if len(sections) > _MAX_LINES:
        raise ValueError(f"an offer with {len(sections)} m= lines is too long")
    bundle = next((value.split()[1:] for value in head.all("group") if value.split()[:1] == ["BUNDLE"]), [])
    lines = tuple(_line(section, bundle) for section in sections)
    mids = [line.mid for line in lines]
    if len(set(mids)) != len(mids):
        raise ValueError("two m= lines share a mid")
    accepted = [section for section, line in zip(sections, lines, strict=True) if isinstance(line, Line)]
    if not accepted:
        raise ValueError("nothing in this offer can be answered")
    transport = accepted[0]
    if (transport.first("setup") or head.first("setup")) not in ("actpass", "active"):
        raise ValueError("the offerer must be able to be the DTLS client")
    return Offer(
        remote=Credentials(_ice(transport, head, "ice-ufrag"), _ice(transport, head, "ice-pwd")),
        fingerprints=_fingerprints(transport, head),
        lines=lines,
        from_chromium="goog-remb" in sdp and "mozilla" not in sdp[:200],
    )


class _Section:
    """The lines from one m= (or the beginning) up to the next, attributes by name."""

    def __init__(self, media: str) -> None:
        self.media = media
        self._attributes: list[tuple[str, str]] = []

    def add(self, line: str) -> None:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            self._attributes.append((name, value))

    def all(self, name: str) -> Iterator[str]:
        return (value for known, value in self._attributes if known == name)

    def first(self, name: str) -> str | None:
        return next(self.all(name), None)


def _sections(sdp: str) -> Iterator[_Section]:
    section = _Section("")
    for line in sdp.splitlines():
        if line.startswith("m="):
            yield section
            section = _Section(line[2:])
        else:
            section.add(line)
    yield section


def _line(section: _Section, bundle: list[str]) -> Line | Declined:
    media, port, transport, *formats = section.media.split()
    mid = section.first("mid")
    if mid is None or not _TOKEN.fullmatch(mid):
        raise ValueError("an m= line needs a mid that is a token")
    if not formats or not all(_TOKEN.fullmatch(word) for word in (media, *formats)):
        raise ValueError("an m= line is not well-formed")
    if not re.fullmatch(r"[A-Z/]{1,32}", transport):
        raise ValueError("an m= line has an odd transport")
    declined = Declined(mid, media, transport, formats[0])
    bundle_only = section.first("bundle-only") is not None
    if media not in ("audio", "video") or mid not in bundle or (port == "0" and not bundle_only):
        return declined
    if section.first("rtcp-mux") is None:
        return declined
    ours = _formats(section, media, formats)
    if not ours:
        return declined
    direction = next((word for word in ("sendonly", "recvonly", "inactive") if section.first(word) is not None), "")
    repairs = _repairs(section)
    ssrcs = dict.fromkeys(_number(value.split()[0]) for value in section.all("ssrc") if value.split())
    return Line(
        mid=mid,
        kind=media,
        sends=direction in ("", "sendonly"),
        receives=direction in ("", "recvonly"),
        formats=ours,
        rids=_rids(section),
        ssrcs=tuple(ssrc for ssrc in ssrcs if ssrc not in repairs)[:_MAX_RIDS],
        repairs=repairs,
        extensions=_extensions(section),
    )


def _formats(section: _Section, media: str, numbers: list[str]) -> tuple[Format, ...]:
    """What is offered of ours, in the order of the rtpmaps of each codec."""
    if len(numbers) > _MAX_FORMATS:
        raise ValueError(f"an m= line with {len(numbers)} formats is too long")
    names: dict[str, str] = {}
    parameters: dict[str, dict[str, str]] = {}
    feedback: dict[str, set[str]] = {}
    for number, value in _by_number(section, "rtpmap"):
        names.setdefault(number, value)
    for number, value in _by_number(section, "fmtp"):
        pairs = (word.partition("=") for word in value.split(";"))
        parameters.setdefault(number, {name.strip().lower(): text.strip() for name, _, text in pairs})
    for number, value in _by_number(section, "rtcp-fb"):
        feedback.setdefault(number, set()).add(value)
    repeats = {
        parameters.get(number, {}).get("apt", ""): number
        for number in reversed(numbers)
        if names.get(number, "").strip().lower() == "rtx/90000"
    }
    found = []
    for number in dict.fromkeys(number for number in names if number in numbers):
        known = kind_of(names[number], parameters.get(number, {}))
        if known is None or (known[0].codec == "opus") != (media == "audio"):
            continue
        rtx = _dynamic(repeats[number]) if number in repeats else NO_RTX
        told = frozenset(feedback.get(number, set()) | feedback.get("*", set()))
        found.append(Format(known[0], _dynamic(number), rtx, known[1], told))
    return in_order(found)


def _by_number(section: _Section, name: str) -> Iterator[tuple[str, str]]:
    for attribute in section.all(name):
        number, _, value = attribute.partition(" ")
        yield number, value


def _dynamic(number: str) -> int:
    if not number.isascii() or not number.isdigit() or not 0 <= int(number) <= 127 or 64 <= int(number) <= 95:
        raise ValueError(f"{number[:8]!r} is no payload type that can share a port with RTCP (RFC 5761 4)")
    return int(number)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:11]) >= 1 << 32:
        raise ValueError("an SSRC must be a number of 32 bits")
    return int(text)


def _repairs(section: _Section) -> dict[int, int]:
    groups = (value.split() for value in section.all("ssrc-group"))
    return {_number(group[2]): _number(group[1]) for group in groups if len(group) == 3 and group[0] == "FID"}


def _rids(section: _Section) -> tuple[str, ...]:
    words = (value.split() for value in section.all("rid"))
    rids = dict.fromkeys(word[0] for word in words if len(word) >= 2 and word[1] == "send")
    if not all(_RID.fullmatch(rid) for rid in rids):
        raise ValueError("a rid is letters, digits, - and _")
    return tuple(rids)[:_MAX_RIDS]


def _extensions(section: _Section) -> dict[str, int]:
    extensions: dict[str, int] = {}
    for value in section.all("extmap"):
        words = value.split()
        number = words[0].partition("/")[0] if words else ""
        # Ids above 14 need two-byte headers, which nobody has to send for a handful of extensions.
        if len(words) >= 2 and number.isascii() and number.isdigit() and 1 <= int(number[:4]) <= 14:
            extensions[words[1]] = int(number)
    return extensions


def _ice(transport: _Section, head: _Section, name: str) -> str:
    value = transport.first(name) or head.first(name) or ""
    if not _ICE.fullmatch(value):
        raise ValueError(f"the offer has no usable {name}")
    return value


def _fingerprints(transport: _Section, head: _Section) -> tuple[Fingerprint, ...]:
    values = list(transport.all("fingerprint")) or list(head.all("fingerprint"))
    pairs = (value.split() for value in values)
    fingerprints = tuple(Fingerprint(pair[0].lower(), pair[1].upper()) for pair in pairs if len(pair) == 2)
    if not fingerprints:
        raise ValueError("the offer has no certificate fingerprint")
    return fingerprints
