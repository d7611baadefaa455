"""Which codecs the server forwards, in which form, and which viewer can show what which publisher sends.

VP8 comes first: every browser sends it in simulcast layers and shows it. VP9 and H.264 are for publishers that have
nothing else; nothing is transcoded, so a viewer whose own offer has no such format gets no packet of theirs. A
publisher is answered with one format, a viewer with all he offered that somebody might send.

H.264 is packetization mode 1 alone, the constrained baseline profile first (RFC 7742 6.2 makes both obligatory);
VP9 is profile 0 alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from server.media.rtp.rewrite import PayloadTypes

NO_RTX = -1
"""The payload type of a line without retransmission."""

_OPUS_PARAMETERS = "minptime=10;useinbandfec=1"

_PREFERENCE = ("opus", "vp8", "vp9", "h264")
NAMES: Mapping[str, str] = {"opus": "opus/48000/2", "vp8": "VP8/90000", "vp9": "VP9/90000", "h264": "H264/90000"}

# (codec, profile) -> the formats in which a viewer may get it, best first: each profile's decoder shows those within.
_SHOWN_BY: Mapping[str, Sequence[str]] = {
    "constrained-baseline": ("constrained-baseline", "baseline", "main", "constrained-high", "high"),
    "baseline": ("baseline",),
    "main": ("main", "high"),
    "constrained-high": ("constrained-high", "high"),
    "high": ("high",),
}

_PROFILE_LEVEL = re.compile(r"[0-9A-Fa-f]{6}")
_NO_PROFILE_LEVEL = "42000a"
"""What an offer means that says none (RFC 6184 8.1)."""


class Kind(Struct, frozen=True):
    """What is the same wherever two descriptions can talk to each other; `profile` is "" but for H.264."""

    codec: str
    profile: str = ""


class Format(Struct, frozen=True):
    """One codec of one line, with its payload types. `parameters` is the fmtp to answer with, "" for none."""

    kind: Kind
    payload_type: int
    rtx_payload_type: int
    parameters: str
    feedback: frozenset[str]

    @property
    def types(self) -> PayloadTypes:
        """As a slot writes them."""
        return PayloadTypes(self.payload_type, max(self.rtx_payload_type, 0))


def kind_of(name: str, parameters: Mapping[str, str]) -> tuple[Kind, str] | None:
    """What an rtpmap and its fmtp mean, and the fmtp to answer with; None for what we do not forward."""
    codec = next((codec for codec, known in NAMES.items() if known.lower() == name.strip().lower()), None)
    if codec == "opus":
        return Kind(codec), _OPUS_PARAMETERS
    if codec == "vp8":
        return Kind(codec), ""
    if codec == "vp9" and parameters.get("profile-id", "0") == "0":
        return Kind(codec), "profile-id=0"
    if codec == "h264" and parameters.get("packetization-mode") == "1":
        level = parameters.get("profile-level-id", _NO_PROFILE_LEVEL).lower()
        profile = _profile(level)
        if profile is not None:
            # Each side may send up to the level of the other (RFC 6184 8.2.2); ours is whatever they have.
            answer = f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={level}"
            return Kind(codec, profile), answer
    return None


def _profile(level: str) -> str | None:
    """The profile in a profile-level-id (RFC 6184 8.1, table 5); None for one that no browser has."""
    if not _PROFILE_LEVEL.fullmatch(level):
        return None
    profile, constraints = int(level[:2], 16), int(level[2:4], 16)
    if (profile == 0x42 and constraints & 0x4F == 0x40) or (profile == 0x4D and constraints & 0x8F == 0x80):
        return "constrained-baseline"
    if profile == 0x42 and constraints & 0x4F == 0:
        return "baseline"
    if profile == 0x4D and constraints & 0xAF == 0:
        return "main"
    if profile == 0x64 and constraints in (0, 0x0C):
        return "constrained-high" if constraints else "high"
    return None


def in_order(formats: Sequence[Format]) -> tuple[Format, ...]:
    """What we would rather receive first; of several of a kind the first."""
    profiles = ["", *_SHOWN_BY]
    first = {format_.kind: format_ for format_ in reversed(formats)}
    return tuple(
        sorted(first.values(), key=lambda one: (_PREFERENCE.index(one.kind.codec), profiles.index(one.kind.profile)))
    )


def shown_as(formats: Sequence[Format]) -> dict[Kind, PayloadTypes]:
    """The payload types under which a viewer with these formats can be sent each kind; what is missing he cannot."""
    offered = {format_.kind: format_.types for format_ in formats}
    shown = dict(offered)
    for profile, hosts in _SHOWN_BY.items():
        types = next((offered[kind] for host in hosts if (kind := Kind("h264", host)) in offered), None)
        if types is not None:
            shown[Kind("h264", profile)] = types
    return shown
