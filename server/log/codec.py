"""Entries and states as bytes: msgpack with the events' tags. Pure; strict on the way back.

`decode` takes any bytes and gives an Entry or ValueError: an unknown tag, a missing field or a wrong type never
reaches the rules. Every event of every released version decodes, for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from server.rooms.kernel import Entry
from server.rooms.room import Classroom, StoredEntry

_T = TypeVar("_T")


_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(StoredEntry)
_classrooms = msgspec.msgpack.Decoder(Classroom)


def encode(entry: Entry) -> bytes:
    return _encoder.encode(entry)


def decode(payload: bytes) -> Entry:
    """Raises ValueError for anything but the bytes of an entry whose events are known."""
    return _decoded(_entries, payload).entry()


def encode_run(after: int, entries: Sequence[Entry]) -> list[tuple[int, bytes]]:
    """Entries with their seqs, for appending after seq `after`. Raises ValueError if they do not follow on it."""
    if [entry.seq for entry in entries] != list(range(after + 1, after + 1 + len(entries))):
        raise ValueError(f"entries {[entry.seq for entry in entries]} do not follow on {after}")
    return [(entry.seq, encode(entry)) for entry in entries]


def encode_classroom(classroom: Classroom) -> bytes:
    return _encoder.encode(classroom)


def decode_classroom(payload: bytes) -> Classroom:
    """Raises ValueError for anything but the bytes of a state of this version."""
    return _decoded(_classrooms, payload)


def _decoded(decoder: msgspec.msgpack.Decoder[_T], payload: bytes) -> _T:
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a stored record: {error}") from error
