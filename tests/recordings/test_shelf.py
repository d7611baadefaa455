"""What those get who watch, whatever has happened to the files meanwhile."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from recordings import layout
from recordings.manifest import State
from recordings.recorder import FileRecorder
from recordings.shelf import Shelf
from recordings.timeline import Timeline
from recordings.verify import verify
from server.rooms.chat import SendMessage
from server.rooms.kernel import ClassId, Entry
from server.rooms.recording import StartRecording
from server.rooms.room import EndClass
from tests.recordings.lesson import CLASS, Lesson
from tests.recordings.media import FRAME_MS, Media, picture


class Library:
    """One published recording of four seconds, with a camera and a word of chat."""

    def __init__(self, root: Path, lesson: Lesson, recorder: FileRecorder, recording_id: str) -> None:
        self.root = root
        self.id = recording_id
        self.folder = layout.folder(root, recording_id)
        self.lesson = lesson
        self.recorder = recorder
        self.shelf = Shelf(root, lesson, recorder)

    def complaints(self) -> list[str]:
        return verify(self.root, self.id)


@pytest.fixture
async def library(tmp_path: Path, media: Media) -> Library:
    lesson = Lesson()
    lesson.at(1_000).ann(StartRecording())
    recorder = FileRecorder(tmp_path, lesson, lambda: lesson.now)
    await recorder.recover()
    recording_id = recorder.begin(CLASS, "Geometry", 1_000)
    camera = recorder.open_track(CLASS, "bo", "Bo", "camera", "main", 1_000)
    for number in range(100):
        camera.write(picture(media, number, 1_000 + number * FRAME_MS))
    lesson.at(3_000).bo(SendMessage("hello"))
    lesson.at(5_000).ann(EndClass())
    await recorder.publish(CLASS, 5_000)
    await recorder.close()
    return Library(tmp_path, lesson, recorder, recording_id)


async def test_a_good_recording_has_nothing_to_complain_of(library: Library) -> None:
    assert library.complaints() == []


async def test_the_index_names_whole_clusters_of_the_file(library: Library) -> None:
    index, path = await library.shelf.index(library.id, 1), await library.shelf.track(library.id, 1)
    assert msgspec.to_builtins(index)["clusters"][0][0] == 0
    begin = index.init[1]
    for cluster in index.clusters:
        assert cluster.offset == begin
        begin += cluster.size
    assert path.read_bytes()[begin:][:4].hex() == "1c53bb6b"  # the Cues


async def test_a_lost_index_is_found_again_in_the_file(library: Library) -> None:
    before = await library.shelf.index(library.id, 1)
    layout.index(library.folder, 1).unlink()
    assert await library.shelf.index(library.id, 1) == before
    layout.index(library.folder, 1).write_bytes(b"[")
    assert await library.shelf.index(library.id, 1) == before


async def test_a_lost_copy_of_the_log_is_read_from_the_log(library: Library) -> None:
    before = await library.shelf.timeline(library.id)
    layout.entries(library.folder).unlink()
    assert await library.shelf.timeline(library.id) == before


async def test_the_timeline_is_told_in_json_once_and_kept(library: Library) -> None:
    encoded = await library.shelf.timeline_json(library.id)
    assert msgspec.json.decode(encoded, type=Timeline) == await library.shelf.timeline(library.id)
    assert await library.shelf.timeline_json(library.id) is encoded


@pytest.mark.parametrize("name", ["", "..", "../etc", "0" * 31, "0" * 33, "G" * 32, "0" * 32, "0" * 31 + "\n"])
async def test_what_is_not_there_is_a_key_error(library: Library, name: str) -> None:
    for ask in (library.shelf.manifest, library.shelf.timeline, library.shelf.timeline_json, library.shelf.remove):
        with pytest.raises(KeyError):
            await ask(name)
    with pytest.raises(KeyError):
        await library.shelf.track(name, 1)
    with pytest.raises(KeyError):
        await library.shelf.index(library.id, 2)
    with pytest.raises(KeyError):
        verify(library.root, name)


async def test_a_removed_recording_is_gone(library: Library) -> None:
    await library.shelf.timeline_json(library.id)
    await library.shelf.remove(library.id)
    assert await library.shelf.recordings() == []
    assert not library.folder.exists()
    with pytest.raises(KeyError):
        await library.shelf.timeline_json(library.id)


def damaged(path: Path, at: int, content: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[at : at + len(content)] = content
    path.write_bytes(whole)


async def test_verify_finds_what_has_happened_to_a_recording(library: Library) -> None:
    track, entries = layout.track(library.folder, 1), layout.entries(library.folder)
    index, manifest = layout.index(library.folder, 1), layout.manifest(library.folder)
    keep = {path: path.read_bytes() for path in (track, entries, index, manifest)}

    def complaint() -> str:
        """The first one; then everything is put back."""
        found = library.complaints()
        for path, content in keep.items():
            path.write_bytes(content)
        return found[0] if found else ""

    track.write_bytes(keep[track][:-1])
    assert complaint().startswith("track 1: it is not closed")
    damaged(track, len(keep[track]) // 2, bytes(200))
    assert complaint().startswith("track 1: ")
    track.unlink()
    assert complaint().startswith("track 1: [Errno 2]")
    damaged(entries, 40, b"?")
    assert complaint().startswith("entries: ")
    entries.write_bytes(b"")
    assert complaint() == "entries: no recording was begun by 1000"
    index.write_bytes(b'{"init":[0,3],"clusters":[]}')
    assert complaint() == "track 1: index: it is not where the clusters are"
    manifest.write_bytes(keep[manifest].replace(b'"duration_ms": 4000', b'"duration_ms": 4001'))
    assert "4001" in complaint()
    layout.track(library.folder, 2).write_bytes(keep[track])
    assert complaint() == "manifest: it does not know 2.webm"
    layout.track(library.folder, 2).unlink()
    assert complaint() == ""


async def test_a_manifest_replaced_within_one_tick_of_the_clock_is_read_again(library: Library) -> None:
    """File systems stamp with a clock of some milliseconds: two replacements may carry the same time."""
    path = layout.manifest(library.folder)
    published, stamp = path.read_bytes(), path.stat().st_mtime_ns
    shelf = Shelf(library.root, library.lesson, library.recorder)
    path.write_bytes(published.replace(b'"published"', b'"interrupted"'))
    os.utime(path, ns=(stamp, stamp))
    assert (await shelf.manifest(library.id)).state is State.INTERRUPTED
    path.write_bytes(published)
    os.utime(path, ns=(stamp, stamp))
    assert (await shelf.manifest(library.id)).state is State.PUBLISHED


async def test_a_crowd_that_asks_for_a_running_class_makes_it_be_replayed_once(tmp_path: Path) -> None:
    class CountedLesson(Lesson):
        reads = 0

        async def read(self, class_id: ClassId, after: int = 0) -> list[Entry]:
            self.reads += 1
            return await super().read(class_id, after)

    lesson = CountedLesson()
    lesson.at(1_000).ann(StartRecording())
    recorder = FileRecorder(tmp_path, lesson, lambda: lesson.now)
    await recorder.recover()
    shelf = Shelf(tmp_path, lesson, recorder)
    recording_id = recorder.begin(CLASS, "Geometry", 1_000)
    first = await asyncio.gather(*(shelf.timeline_json(recording_id) for _ in range(20)))
    assert lesson.reads == 1
    assert len(set(first)) == 1
    lesson.at(3_000).bo(SendMessage("hello"))
    assert len(await shelf.timeline_json(recording_id)) > len(first[0])
    await recorder.close()
