"""EBML, the notation WebM is written in: element = id, size, payload (RFC 8794).

Pure. Any bytes give a value or ValueError. What is *not* here: what the elements mean (webm, scan).
"""

from __future__ import annotations

import mmap
import struct

Octets = bytes | mmap.mmap
"""What can be read: bytes, or a file mapped into memory."""

UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
"""The eight-byte size of an element still being written (RFC 8794 6.2)."""

VOID = b"\xec"


def size_of(length: int, width: int = 0) -> bytes:
    """A length as a variable-size integer, in `width` bytes (0: the fewest). All ones is kept free for "unknown"."""
    if not width:
        width = 1
        while length >= (1 << 7 * width) - 1:
            width += 1
    if length >= (1 << 7 * width) - 1:
        raise ValueError(f"{length} does not fit a size of {width} bytes")
    return (length | 1 << 7 * width).to_bytes(width, "big")


def element(tag: bytes, payload: bytes) -> bytes:
    return tag + size_of(len(payload)) + payload


def uint(tag: bytes, value: int, width: int = 0) -> bytes:
    """An unsigned integer element, in `width` bytes (0: the fewest)."""
    return element(tag, value.to_bytes(width or max(1, (value.bit_length() + 7) // 8), "big"))


def double(tag: bytes, value: float) -> bytes:
    return element(tag, struct.pack(">d", value))


def void(length: int) -> bytes:
    """`length` bytes that mean nothing, to be overwritten later. At least 2, at most 128."""
    if not 2 <= length <= 128:
        raise ValueError(f"a void takes 2 to 128 bytes, not {length}")
    return VOID + size_of(length - 2, 1) + bytes(length - 2)


def read_tag(octets: Octets, at: int) -> tuple[bytes, int]:
    """The element id at `at`, and where its size begins. Raises ValueError when there is none."""
    if at >= len(octets):
        raise ValueError(f"no element at {at}: the end")
    width = 9 - octets[at].bit_length()
    if width > 4 or at + width > len(octets):
        raise ValueError(f"no element id at {at}")
    return bytes(octets[at : at + width]), at + width


def read_size(octets: Octets, at: int) -> tuple[int | None, int]:
    """The size at `at` (None: unknown), and where the payload begins. Raises ValueError when there is none."""
    if at >= len(octets):
        raise ValueError(f"no size at {at}: the end")
    width = 9 - octets[at].bit_length()
    if width > 8 or at + width > len(octets):
        raise ValueError(f"no size at {at}")
    value = int.from_bytes(octets[at : at + width], "big") ^ (1 << 7 * width)
    return (None if value == (1 << 7 * width) - 1 else value), at + width
