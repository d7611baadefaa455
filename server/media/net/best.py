"""Which intake this installation has: the compiled one if it is there and opens packets as it should, else Python's."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Mapping
from functools import cache

from server.media.net.intake import Failed, Intake, PureIntake, Take
from server.media.net.srtp import PROFILES, SrtpPair
from server.media.rtp.header import build

try:
    from server.media.native.intake import NativeIntake, open_in_place
except ImportError as error:
    _MISSING = f"it is not compiled ({error})"
else:
    _MISSING = ""


@cache
def why_not_native() -> str:
    """Empty if the compiled intake is used, else the reason why not."""
    if _MISSING:
        return _MISSING
    for profile in PROFILES:
        material = bytes(2 * (profile.key_bytes + profile.salt_bytes))  # the same keys both ways
        pair, packet = SrtpPair(profile, material), build(96, 1, 2, 3, bytes(100))
        if open_in_place(pair, bytearray(pair.protect(packet))) != packet:
            return f"its {profile.name.decode()} is not that of this pylibsrtp"
    return ""


def open_intake(
    udp: socket.socket, by_address: Mapping[object, object], take: Take, failed: Failed, counts: Counter[str]
) -> Intake:
    """The best there is here."""
    kind = PureIntake if why_not_native() else NativeIntake
    return kind(udp, by_address, take, failed, counts)
