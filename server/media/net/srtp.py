"""SRTP state of one peer (RFC 3711, RFC 7714), as libsrtp keeps it.

The only file that touches pylibsrtp's insides: the hot path wants `srtp_protect` in place in its own memory and
needs libsrtp's pointer for that. What is *not* here: keys (dtls.py makes them).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from pylibsrtp import Policy, Session
from pylibsrtp import _binding as binding

ffi: Any = binding.ffi
lib: Any = binding.lib

PROTECT_AT = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect")))
UNPROTECT_AT = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_unprotect")))
"""Where libsrtp's functions are in memory, for code that is not Python. They need no GIL."""

# Room for the longest tag and index libsrtp may append (SRTP_MAX_TRAILER_LEN and the SRTCP index).
TRAILER_BYTES = 16 + 128 + 4

# Beyond any reordering a path produces; libsrtp's default of 128 loses retransmissions at video rates.
REPLAY_WINDOW = 1024

# How far back we may repeat a packet on its own SSRC: sound, of which 128 are remembered, and pictures without RTX.
# libsrtp shifts the whole of it for every packet that goes out.
_REPEAT_WINDOW = 256


# A page sends on a dozen, and keeps them. libsrtp remembers every one for ever and looks for it in a list: with 50,000
# of them a packet takes milliseconds.
MOST_SSRCS = 256


class Profile(Struct, frozen=True):
    """An SRTP protection profile: its name in DTLS, its number in libsrtp, and how much key it eats."""

    name: bytes
    number: int
    key_bytes: int
    salt_bytes: int


# Our order of preference: AES-128-GCM costs half of the SHA1 profile per packet, and the server chooses.
PROFILES = (
    Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    Profile(b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)


class SrtpPair:
    """Both directions of one peer. Not for two threads at once: libsrtp's state has no lock."""

    # The compiled intake opens packets by `_heard` and `receiving_at`: `unprotect` in C is the same as here.
    __slots__ = (
        "_heard",
        "_receiving",
        "_receiving_handle",
        "_sending",
        "profile",
        "receiving_at",
        "sending_at",
        "sending_handle",
    )

    def __init__(self, profile: Profile, material: bytes) -> None:
        """`material` is the exporter's output: client's key first, and we are the server (RFC 5764 4.2)."""
        size, salt = profile.key_bytes, profile.salt_bytes
        salts = 2 * size
        client = material[:size] + material[salts : salts + salt]
        server = material[size : 2 * size] + material[salts + salt : salts + 2 * salt]
        self.profile = profile
        self._receiving = _session(profile, client, Policy.SSRC_ANY_INBOUND, REPLAY_WINDOW)
        self._sending = _session(profile, server, Policy.SSRC_ANY_OUTBOUND, _REPEAT_WINDOW)
        self.sending_handle: Any = self._sending._srtp[0]
        """libsrtp's `srtp_t` for `srtp_protect`; alive as long as this object."""
        self.sending_at = int(ffi.cast("uintptr_t", self.sending_handle))
        self._receiving_handle: Any = self._receiving._srtp[0]
        self.receiving_at = int(ffi.cast("uintptr_t", self._receiving_handle))
        self._heard: set[int] = set()

    def unprotect(self, datagram: bytes) -> bytes | None:
        """The RTP packet inside, or None: forged, replayed, too old, or of one SSRC too many."""
        return self._open(lib.srtp_unprotect, datagram, 8)

    def unprotect_rtcp(self, datagram: bytes) -> bytes | None:
        """The RTCP compound inside, or None: forged, replayed, too old, or of one SSRC too many."""
        return self._open(lib.srtp_unprotect_rtcp, datagram, 4)

    def _open(self, operation: Any, datagram: bytes, ssrc_at: int) -> bytes | None:
        ssrc = int.from_bytes(datagram[ssrc_at : ssrc_at + 4], "big")
        known = ssrc in self._heard
        if not known and len(self._heard) >= MOST_SSRCS:
            return None
        opened = _in_scratch(operation, self._receiving_handle, datagram)
        if opened is not None and not known:
            self._heard.add(ssrc)  # only now is it known not to be forged
        return opened

    def protect(self, packet: bytes) -> bytes:
        """One RTP packet, protected. The hot path does this in place instead (server/media/fanout)."""
        protected = _in_scratch(lib.srtp_protect, self.sending_handle, packet)
        if protected is None:
            raise ValueError("libsrtp refused to protect an RTP packet")
        return protected

    def protect_rtcp(self, packet: bytes) -> bytes:
        """One RTCP compound, protected."""
        protected = _in_scratch(lib.srtp_protect_rtcp, self.sending_handle, packet)
        if protected is None:
            raise ValueError("libsrtp refused to protect an RTCP packet")
        return protected


_SCRATCH_BYTES = 2048
_scratch = ffi.new("char[]", _SCRATCH_BYTES)
_scratch_view = ffi.buffer(_scratch)
_length = ffi.new("int *")


def _in_scratch(operation: Any, handle: Any, packet: bytes) -> bytes | None:
    size = len(packet)
    if size + TRAILER_BYTES > _SCRATCH_BYTES:
        return None
    _scratch_view[0:size] = packet
    _length[0] = size
    if operation(handle, _scratch, _length) != 0:
        return None
    return bytes(_scratch_view[0 : _length[0]])


def _session(profile: Profile, key: bytes, ssrc_type: int, window: int) -> Session:
    policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile.number)
    # A NACK for a line without RTX is answered with the very same packet (RFC 3711 9.1 warns of another payload under
    # the same index; ours is the same payload).
    policy.allow_repeat_tx = True
    policy.window_size = window
    return Session(policy)


def is_rtcp(datagram: bytes) -> bool:
    """Whether an SRTP-looking datagram of at least two bytes is RTCP (RFC 5761 4: packet types 192 to 223)."""
    return 192 <= datagram[1] <= 223
