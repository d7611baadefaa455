"""Read a file that webm wrote, torn or whole: how far it is good, and what is in it.

Pure over bytes (a memory map will do). Any bytes give a Scan or ValueError. What is *not* here: changing the file
(repair).

A thorough scan walks every block. The other kind goes by the sizes of the clusters and walks only the last ones, which
is what a start after a crash needs: a server comes back in a second whatever it was recording. Nothing older than the
last sync, a second or two, can have been torn.
"""

from __future__ import annotations

from msgspec import Struct

from recordings import opus
from recordings.ebml import UNKNOWN_SIZE, VOID, Octets, read_size, read_tag
from recordings.webm import (
    BLOCK,
    BLOCK_DURATION,
    BLOCK_GROUP,
    BLOCK_HEAD,
    CLUSTER,
    CLUSTER_HEAD,
    CODEC_ID,
    CUES,
    DURATION,
    DURATION_LENGTH,
    EBML_HEADER,
    INFO,
    KEYFRAME,
    SEEK_HEAD,
    SEEK_HEAD_LENGTH,
    SEGMENT,
    SIMPLE_BLOCK,
    TIMESTAMP,
    TRACK_ENTRY,
    TRACKS,
    Cluster,
    Front,
    picture_tail_ms,
)


class Scan(Struct, frozen=True):
    """What a file holds up to `end`, the byte after its last whole block."""

    front: Front
    codec: str
    clusters: tuple[Cluster, ...]
    """With the sizes they have, or should have had."""
    wrong_sizes: tuple[Cluster, ...]
    """Those of them whose size in the file says otherwise: still unknown, or beyond the cut."""
    end: int
    frames: int
    """Those that were walked over."""
    duration_ms: int
    sealed: bool
    """Closed properly: Cues follow `end`, and the Segment ends where the file does."""


class _Body(Struct):
    """What has been seen of the clusters so far."""

    clusters: list[Cluster]
    wrong_sizes: list[Cluster]
    frames: int = 0
    last_ms: int = 0
    end_ms: int = 0


WALKED = 3
"""Clusters at the end of a file that any scan walks: at least 4 s of a track, and it is synced every second."""


def scan(octets: Octets, thorough: bool = True) -> Scan:
    """Raises ValueError when not even the front is there: no frame can have been written then."""
    where, codec, segment_size = _front(octets)
    body = _Body(clusters=[], wrong_sizes=[])
    at = where.end if thorough else _skip_to_the_last(octets, where.end, codec, body)
    while octets[at : at + len(CLUSTER)] == CLUSTER:
        end = _cluster(octets, at, codec, body)
        if end is None:
            break
        at = end
    end = body.clusters[-1].offset + body.clusters[-1].size if body.clusters else where.end
    return Scan(
        front=where,
        codec=codec,
        clusters=tuple(body.clusters),
        wrong_sizes=tuple(body.wrong_sizes),
        end=end,
        frames=body.frames,
        duration_ms=body.end_ms,
        sealed=segment_size is not None and where.segment + segment_size == len(octets) and _cues_fill(octets, end),
    )


def _skip_to_the_last(octets: Octets, at: int, codec: str, body: _Body) -> int:
    """Take in the clusters before the last ones by their sizes; returns where those begin."""
    skipped: list[Cluster] = []
    while (found := _by_size(octets, at, codec)) is not None:
        skipped.append(found)
        at += found.size
    kept = skipped[: max(0, len(skipped) - WALKED + 1)]  # the one after them is walked too
    body.clusters += kept
    body.last_ms = kept[-1].t_ms if kept else 0
    return kept[-1].offset + kept[-1].size if kept else (skipped[0].offset if skipped else at)


def _by_size(octets: Octets, offset: int, codec: str) -> Cluster | None:
    """A cluster by what it says of itself, if there is another one behind it."""
    try:
        size, at = _enter(octets, offset, CLUSTER)
        payload, at = _skip(octets, at, TIMESTAMP)
    except ValueError:
        return None
    if size is None or octets[offset + CLUSTER_HEAD + size : offset + CLUSTER_HEAD + size + len(CLUSTER)] != CLUSTER:
        return None
    t_ms = int.from_bytes(octets[payload:at], "big")
    first = _block(octets, at, offset + CLUSTER_HEAD + size, t_ms, codec, _Body(clusters=[], wrong_sizes=[]))
    return None if first is None else Cluster(t_ms, offset, CLUSTER_HEAD + size, first[1])


def _cues_fill(octets: Octets, at: int) -> bool:
    try:
        tag, after = read_tag(octets, at)
        size, payload = read_size(octets, after)
    except ValueError:
        return False
    return tag == CUES and size is not None and payload + size == len(octets)


def _enter(octets: Octets, at: int, tag: bytes) -> tuple[int | None, int]:
    found, after = read_tag(octets, at)
    if found != tag:
        raise ValueError(f"not a track of ours: {found.hex()} where {tag.hex()} belongs, at {at}")
    return read_size(octets, after)


def _skip(octets: Octets, at: int, tag: bytes) -> tuple[int, int]:
    """Where the payload and the end of an element are; it must be there whole."""
    size, payload = _enter(octets, at, tag)
    if size is None or payload + size > len(octets):
        raise ValueError(f"element {tag.hex()} at {at} is torn")
    return payload, payload + size


def _front(octets: Octets) -> tuple[Front, str, int | None]:
    _, at = _skip(octets, 0, EBML_HEADER)
    segment_size, segment = _enter(octets, at, SEGMENT)
    if segment != at + len(SEGMENT) + len(UNKNOWN_SIZE):
        raise ValueError("not a track of ours: the Segment's size has no room to be patched")
    info = segment + SEEK_HEAD_LENGTH
    _, seek_end = _skip(octets, segment, SEEK_HEAD if octets[segment : segment + 4] == SEEK_HEAD else VOID)
    if seek_end > info:
        raise ValueError("not a track of ours: no gap for a SeekHead")
    at, tracks = _skip(octets, info, INFO)
    duration = 0
    while at < tracks:
        tag, _ = read_tag(octets, at)
        _, end = _skip(octets, at, tag)
        if tag in (DURATION, VOID) and end - at == DURATION_LENGTH:
            duration = at
        at = end
    if not duration:
        raise ValueError("not a track of ours: no gap for a Duration")
    at, end = _skip(octets, tracks, TRACKS)
    codec = _codec(octets, at)
    return Front(segment, segment, info, duration, tracks, end), codec, segment_size


def _codec(octets: Octets, at: int) -> str:
    at, entry_end = _skip(octets, at, TRACK_ENTRY)
    while at < entry_end:
        tag, _ = read_tag(octets, at)
        payload, end = _skip(octets, at, tag)
        if tag == CODEC_ID:
            return bytes(octets[payload:end]).decode("ascii", "replace")
        at = end
    raise ValueError("not a track of ours: no codec")


def _cluster(octets: Octets, offset: int, codec: str, body: _Body) -> int | None:
    """Take in one cluster; returns where the next one begins, or None when this one is torn."""
    try:
        size, at = _enter(octets, offset, CLUSTER)
        payload, at = _skip(octets, at, TIMESTAMP)
    except ValueError:
        return None
    limit = len(octets) if size is None else min(offset + CLUSTER_HEAD + size, len(octets))
    t_ms = int.from_bytes(octets[payload:at], "big")
    whole, keyframe = at, False
    while whole < limit:
        block = _block(octets, whole, limit, t_ms, codec, body)
        if block is None:
            break
        end, is_key = block
        keyframe = keyframe or (is_key and whole == at)
        whole = end
    if whole == at:
        return None
    found = Cluster(t_ms, offset, whole - offset, keyframe)
    body.clusters.append(found)
    if size != found.size - CLUSTER_HEAD:
        body.wrong_sizes.append(found)
    ended = size == found.size - CLUSTER_HEAD or octets[whole : whole + 4] in (CLUSTER, CUES)
    return whole if ended else None


class _Found(Struct, frozen=True):
    """One block: where its frame begins (its head is 4 bytes), where it ends, and what is said about it."""

    head: int
    end: int
    keyframe: bool
    duration_ms: int = 0


def _simple_block(octets: Octets, at: int, limit: int) -> _Found:
    """Raises ValueError when there is none, or not all of it."""
    size, head = _enter(octets, at, SIMPLE_BLOCK)
    if size is None or size <= 4 or head + size > limit or octets[head + 3] & ~KEYFRAME:
        raise ValueError(f"no whole block at {at}")
    return _Found(head, head + size, bool(octets[head + 3]))


def _block_group(octets: Octets, at: int, limit: int) -> _Found:
    """Raises ValueError when there is none, or not all of it."""
    size, at = _enter(octets, at, BLOCK_GROUP)
    if size is None or at + size > limit:
        raise ValueError(f"no whole group at {at}")
    end = at + size
    head, at = _skip(octets, at, BLOCK)
    payload, after = _skip(octets, at, BLOCK_DURATION)
    if at - head <= 4 or not after <= end or octets[head + 3]:
        raise ValueError(f"no block in the group at {at}")
    return _Found(head, end, after == end, int.from_bytes(octets[payload:after], "big"))


def _block(octets: Octets, at: int, limit: int, t_ms: int, codec: str, body: _Body) -> tuple[int, bool] | None:
    """Take in one block that is whole and makes sense; returns its end and whether it is a keyframe."""
    try:
        read = _simple_block if octets[at : at + 1] == SIMPLE_BLOCK else _block_group
        found = read(octets, at, limit)
        tail_ms = found.duration_ms
        if codec == "A_OPUS":
            tail_ms = int(opus.duration_ms(octets[found.head + 4 : found.head + 6]))
    except ValueError:
        return None
    time_ms = t_ms + int.from_bytes(octets[found.head + 1 : found.head + 3], "big", signed=True)
    if time_ms < body.last_ms or octets[found.head : found.head + 1] != BLOCK_HEAD:
        return None
    body.end_ms = time_ms + (tail_ms or picture_tail_ms(time_ms - body.last_ms))
    body.last_ms = time_ms
    body.frames += 1
    return found.end, found.keyframe
