"""Which fan-out this installation has: the compiled one if it is there and protects as it should, else Python's."""

from __future__ import annotations

from collections import Counter
from functools import cache

from server.media.fanout import FanOut
from server.media.fanout.pure import PureFanOut
from server.media.net.srtp import PROFILES, TRAILER_BYTES, SrtpPair
from server.media.net.udpmux import UdpMux
from server.media.rtp.header import build

try:
    from server.media.native.fanout import NativeFanOut, protect_in_place
except ImportError as error:
    _MISSING = f"it is not compiled ({error})"
else:
    _MISSING = ""


@cache
def why_not_native() -> str:
    """Empty if the compiled fan-out is used, else the reason why not."""
    if _MISSING:
        return _MISSING
    for profile in PROFILES:
        material = bytes(range(2 * (profile.key_bytes + profile.salt_bytes)))
        here, there = SrtpPair(profile, material), SrtpPair(profile, material)
        packet = build(96, 1, 2, 3, bytes(100))
        protected = bytearray(packet + bytes(TRAILER_BYTES))
        size = protect_in_place(here.sending_at, protected, len(packet))
        if bytes(protected[:size]) != there.protect(packet):
            return f"its {profile.name.decode()} is not that of this pylibsrtp"
    return ""


def open_fan_out(mux: UdpMux, counts: Counter[str]) -> FanOut:
    """The best there is here."""
    return PureFanOut(mux, counts) if why_not_native() else NativeFanOut(mux, counts)
