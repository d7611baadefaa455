"""Look a msgpack frame over before anything is built from it (msgpack specification, github.com/msgpack/msgpack).

A decoder alone would take a thousand levels of nesting, extension types, NaN and a key given twice, of which the last
silently wins. This scan builds nothing; what it lets through is one whole object of modest depth and size.
Typed decoding comes after it, in wire.
"""

from __future__ import annotations

import math
import struct

from server.http.errors import BadFrame

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_ITEMS = 4096
"""Enough for a plan of breakouts with a thousand names; bounds the scan to about a millisecond."""

_FLOATS = {0xCA: struct.Struct(">f"), 0xCB: struct.Struct(">d")}
_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
"""nil, booleans and integers: how many bytes follow."""
_STRINGS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
"""How many bytes of length follow."""
_ARRAYS = {0xDC: 2, 0xDD: 4}
_MAPS = {0xDE: 2, 0xDF: 4}


class _Open:
    """A container not yet read to its end. `keys` is None for an array."""

    __slots__ = ("keys", "left")

    def __init__(self, left: int, is_map: bool) -> None:
        self.left = left
        self.keys: set[bytes] | None = set() if is_map else None

    def wants_key(self) -> bool:
        return self.keys is not None and self.left % 2 == 0


def scan(frame: bytes) -> None:
    """Raises BadFrame unless the frame is one msgpack object as the protocol allows it."""
    if len(frame) > MAX_BYTES:
        raise BadFrame("frame.too-large")
    position = items = 0
    inside: list[_Open] = []
    while True:
        items += 1
        if items > MAX_ITEMS:
            raise BadFrame("frame.too-many-items")
        start = position
        position, children = _head(frame, position)
        if inside and inside[-1].wants_key():
            _note_key(inside[-1], frame, start, position)
        if inside:
            inside[-1].left -= 1
        if children is not None:
            if len(inside) == MAX_DEPTH:
                raise BadFrame("frame.too-deep")
            if children.left > len(frame) - position:
                raise BadFrame("frame.cut-short")
            inside.append(children)
        while inside and inside[-1].left == 0:
            inside.pop()
        if not inside:
            break
    if position != len(frame):
        raise BadFrame("frame.trailing-bytes")


def _head(frame: bytes, at: int) -> tuple[int, _Open | None]:
    """Where the scalar (or the head of the container) ends, and the container if it is one."""
    if at >= len(frame):
        raise BadFrame("frame.cut-short")
    kind = frame[at]
    at += 1
    children: _Open | None = None
    if kind <= 0x7F or kind >= 0xE0:
        return at, None
    if kind <= 0x8F:
        children = _Open(2 * (kind & 0x0F), is_map=True)
    elif kind <= 0x9F:
        children = _Open(kind & 0x0F, is_map=False)
    elif kind <= 0xBF:
        at += kind & 0x1F
    elif kind in _FIXED:
        at += _FIXED[kind]
    elif kind in _STRINGS:
        at, length = _length(frame, at, _STRINGS[kind])
        at += length
    elif kind in _ARRAYS:
        at, length = _length(frame, at, _ARRAYS[kind])
        children = _Open(length, is_map=False)
    elif kind in _MAPS:
        at, length = _length(frame, at, _MAPS[kind])
        children = _Open(2 * length, is_map=True)
    elif kind in _FLOATS:
        at = _float(frame, at, _FLOATS[kind])
    else:
        raise BadFrame("frame.type")  # binary, extensions and the byte that is never used
    if at > len(frame):
        raise BadFrame("frame.cut-short")
    return at, children


def _length(frame: bytes, at: int, width: int) -> tuple[int, int]:
    if at + width > len(frame):
        raise BadFrame("frame.cut-short")
    return at + width, int.from_bytes(frame[at : at + width], "big")


def _float(frame: bytes, at: int, layout: struct.Struct) -> int:
    if at + layout.size > len(frame):
        raise BadFrame("frame.cut-short")
    if not math.isfinite(layout.unpack_from(frame, at)[0]):
        raise BadFrame("frame.not-finite")
    return at + layout.size


def _note_key(container: _Open, frame: bytes, start: int, end: int) -> None:
    kind = frame[start]
    if not (0xA0 <= kind <= 0xBF or kind in _STRINGS):
        raise BadFrame("frame.key-type")
    # Without the head: the same text may be written with a longer one.
    text = frame[start + 1 + _STRINGS.get(kind, 0) : end]
    if container.keys is None or text in container.keys:
        raise BadFrame("frame.key-twice")
    container.keys.add(text)
