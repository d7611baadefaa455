"""Hold a recording against its manifest: is everything there, whole, and where it is said to be?

Reads every file from its first byte to its last and changes nothing. Returns complaints, not exceptions: a broken
recording is what it is for. `decode` also looks at every picture and listens to every sound (PyAV; slow).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from recordings import layout, manifest
from recordings.manifest import Ending, Manifest, State, Track
from recordings.repair import scan_file
from recordings.scan import Scan
from recordings.sources import load_entries
from recordings.timeline import is_over, recorded_ms, timeline
from recordings.track import Index
from recordings.webm import CODECS

SPILL_MS = 2_000
"""How far a track may reach past the end of its recording: what was on its way when the class ended."""


def verify(root: Path, recording_id: str, decode: bool = False) -> list[str]:
    """What is wrong with a recording, one line each; empty: nothing. Raises KeyError when there is no such recording.

    One that is still being written must not be verified: its files change below the reader.
    """
    folder = layout.folder(root, recording_id)
    if not layout.manifest(folder).is_file():
        raise KeyError(recording_id)
    try:
        found = manifest.decode(layout.manifest(folder).read_bytes())
    except (OSError, ValueError) as error:
        return [f"manifest: {error}"]
    complaints = [*_manifest(folder, found), *_entries(folder, found)]
    for track in found.tracks:
        complaints += (f"track {track.n}: {complaint}" for complaint in _track(folder, found, track, decode))
    return complaints


def _manifest(folder: Path, found: Manifest) -> Iterator[str]:
    if found.id != folder.name:
        yield f"manifest: it says it is recording {found.id}"
    if found.duration_ms != recorded_ms(found.stretches):
        yield f"manifest: {found.duration_ms} ms, but the stretches add up to {recorded_ms(found.stretches)}"
    end = found.started_at
    for stretch in found.stretches:
        if not end <= stretch.class_from <= stretch.class_to:
            yield f"manifest: the stretch from {stretch.class_from} to {stretch.class_to} is out of order"
        end = stretch.class_to
    numbers = [track.n for track in found.tracks]
    if len(set(numbers)) < len(numbers):
        yield "manifest: two tracks have the same number"
    named = {layout.track(folder, n) for n in numbers}
    for path in sorted(layout.tracks(folder).glob("*.webm")):
        if path not in named:
            yield f"manifest: it does not know {path.name}"


def _entries(folder: Path, found: Manifest) -> Iterator[str]:
    if found.state is not State.PUBLISHED:
        return
    try:
        entries = load_entries(folder)
    except (OSError, ValueError) as error:
        yield f"entries: {error}"
        return
    if [entry.seq for entry in entries] != list(range(1, len(entries) + 1)):
        yield "entries: they do not count from 1 without gaps"
        return
    if is_over([entry for entry in entries if entry.at <= found.started_at]):
        yield f"entries: no recording was begun by {found.started_at}"
    happenings = timeline(found, entries).entries
    if any(not 0 <= one.t_ms <= found.duration_ms for one in happenings):
        yield "entries: something happens outside of the recording"
    if any(one.t_ms > other.t_ms for one, other in pairwise(happenings)):
        yield "entries: time runs backwards"


def _track(folder: Path, found: Manifest, track: Track, decode: bool) -> Iterator[str]:
    path = layout.track(folder, track.n)
    try:
        scanned, size = scan_file(path), path.stat().st_size
    except (OSError, ValueError) as error:
        yield str(error)
        return
    if not scanned.sealed and track.ending is not Ending.FAILED:
        yield f"it is not closed: good up to byte {scanned.end} of {size}"
    if scanned.wrong_sizes:
        yield f"{len(scanned.wrong_sizes)} clusters have the wrong size"
    if scanned.codec != CODECS.get("h264" if track.codec.startswith("avc1.") else track.codec):
        yield f"{scanned.codec} inside, {track.codec} in the manifest"
    if not scanned.frames or (track.kind == "video" and not scanned.clusters[0].keyframe):
        yield "it does not begin with a keyframe"
    if size != track.bytes:
        yield f"{size} bytes, {track.bytes} in the manifest"
    if scanned.duration_ms != track.duration_ms:
        yield f"{scanned.duration_ms} ms, {track.duration_ms} in the manifest"
    if not 0 <= track.offset_ms <= track.offset_ms + track.duration_ms <= found.duration_ms + SPILL_MS:
        yield f"from {track.offset_ms} ms for {track.duration_ms} ms is not within {found.duration_ms} ms"
    yield from _index(folder, track, scanned)
    if decode:
        yield from _decoded(path, scanned)


def _index(folder: Path, track: Track, scanned: Scan) -> Iterator[str]:
    try:
        index = msgspec.json.decode(layout.index(folder, track.n).read_bytes(), type=Index)
    except FileNotFoundError:
        return  # made again when it is asked for
    except (OSError, msgspec.MsgspecError) as error:
        yield f"index: {error}"
        return
    if index.init != (0, scanned.front.end) or index.clusters != scanned.clusters:
        yield "index: it is not where the clusters are"


def _decoded(path: Path, scanned: Scan) -> Iterator[str]:
    import av  # PyAV is heavy, and only this needs it

    try:
        with av.open(str(path), mode="r") as container:
            frames = sum(len(packet.decode()) for packet in container.demux())
    except (av.error.FFmpegError, ValueError) as error:
        yield f"it does not decode: {error}"
        return
    if frames < scanned.frames:
        yield f"{scanned.frames - frames} of {scanned.frames} frames do not decode"
