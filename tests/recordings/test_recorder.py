"""The recorder of a running server, from the first frame to the published recording, crashes between."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import perf_counter

import pytest

from recordings import layout
from recordings.disk import Disk
from recordings.manifest import Ending, Manifest, State
from recordings.recorder import FileRecorder
from recordings.shelf import Shelf
from recordings.sources import load_entries
from recordings.verify import verify
from server.log.eventlog import LogUnavailable
from server.media.tap import FrameSink
from server.rooms.chat import SendMessage
from server.rooms.kernel import ClassId, Entry
from server.rooms.recording import PauseRecording, StartRecording
from server.rooms.room import EndClass
from tests.recordings.disks import FaultyDisk
from tests.recordings.lesson import CLASS, Lesson
from tests.recordings.media import FRAME_MS, Media, picture, pictures_in, sound

BEGIN = 1_000_000


class Studio:
    """A recorder, its class and its clock. Recorders made by it are closed at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lesson = Lesson(opened_at=BEGIN - 10_000)
        self.lesson.at(BEGIN).ann(StartRecording())
        self.recorders: list[FileRecorder] = []

    def now(self) -> int:
        return self.lesson.now

    async def recorder(self, disk: Disk | None = None, queue_bytes: int = 2**26) -> FileRecorder:
        recorder = FileRecorder(self.root, self.lesson, self.now, disk=disk, queue_bytes=queue_bytes)
        self.recorders.append(recorder)
        await recorder.recover()
        return recorder

    def shelf(self) -> Shelf:
        return Shelf(self.root, self.lesson, self.recorders[-1])

    def begin(self, recorder: FileRecorder) -> str:
        recording_id = recorder.begin(CLASS, "Geometry", self.now())
        recorder.resume(CLASS, self.now())
        return recording_id

    def open(self, recorder: FileRecorder, source: str, participant: str = "bo", room: str = "main") -> FrameSink:
        return recorder.open_track(CLASS, participant, participant.title(), source, room, self.now())

    def film(self, sink: FrameSink, media: Media, pictures: range, begin: int = BEGIN) -> None:
        for number in pictures:
            self.lesson.now = max(self.lesson.now, begin + number * FRAME_MS)
            sink.write(picture(media, number, begin + number * FRAME_MS))

    def speech(self, sink: FrameSink, media: Media, packets: range, begin: int = BEGIN) -> None:
        for number in packets:
            self.lesson.now = max(self.lesson.now, begin + number * 20)
            sink.write(sound(media, number, begin + number * 20))


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    for recorder in studio.recorders:
        await recorder.close()


async def test_a_class_is_recorded_and_published(studio: Studio, media: Media) -> None:
    recorder = await studio.recorder()
    recording_id = studio.begin(recorder)
    camera, mic = studio.open(recorder, "camera"), studio.open(recorder, "mic")
    studio.film(camera, media, range(100))
    studio.speech(mic, media, range(200))
    studio.lesson.at(BEGIN + 4_000).bo(SendMessage("hello"))
    studio.lesson.ann(EndClass())
    camera.close()
    mic.close()
    await recorder.publish(CLASS, studio.now())
    found = await studio.shelf().manifest(recording_id)
    assert (found.state, found.title, found.duration_ms) == (State.PUBLISHED, "Geometry", 4_000)
    assert [(track.source, track.duration_ms) for track in found.tracks] == [("camera", 4_000), ("mic", 4_000)]
    assert verify(studio.root, recording_id, decode=True) == []
    assert load_entries(layout.folder(studio.root, recording_id)) == studio.lesson.log
    assert (await studio.shelf().timeline(recording_id)).entries[-1].t_ms == 4_000


async def test_begin_and_publish_may_be_said_twice(studio: Studio, media: Media) -> None:
    recorder = await studio.recorder()
    recording_id = studio.begin(recorder)
    assert studio.begin(recorder) == recording_id
    studio.film(studio.open(recorder, "camera"), media, range(50))
    await asyncio.gather(recorder.publish(CLASS, studio.now()), recorder.publish(CLASS, studio.now()))
    await recorder.publish(CLASS, studio.now())
    assert [found.id for found in await studio.shelf().recordings()] == [recording_id]
    assert len((await studio.shelf().manifest(recording_id)).tracks) == 1


async def test_what_begins_after_publishing_is_another_recording(studio: Studio, media: Media) -> None:
    recorder = await studio.recorder()
    first = studio.begin(recorder)
    publishing = asyncio.create_task(recorder.publish(CLASS, studio.now()))
    await asyncio.sleep(0)
    second = studio.begin(recorder)
    await publishing
    studio.film(studio.open(recorder, "camera"), media, range(25))
    await recorder.publish(CLASS, studio.now())
    assert first != second
    tracks = {found.id: len(found.tracks) for found in await studio.shelf().of_class(CLASS)}
    assert tracks == {first: 0, second: 1}


async def test_thirty_tracks_are_published_well_within_two_seconds(studio: Studio, media: Media) -> None:
    recorder = await studio.recorder()
    recording_id = studio.begin(recorder)
    sinks = [studio.open(recorder, "camera", f"learner {n}") for n in range(30)]
    for sink in sinks:
        studio.film(sink, media, range(250))
    begun = perf_counter()
    await recorder.publish(CLASS, studio.now())
    assert perf_counter() - begun < 2
    assert verify(studio.root, recording_id) == []


async def test_a_latecomer_can_begin_at_the_beginning(studio: Studio, media: Media) -> None:
    recorder = await studio.recorder()
    recording_id = studio.begin(recorder)
    sink = studio.open(recorder, "camera")
    shelf = studio.shelf()
    studio.lesson.at(BEGIN + 1_000).bo(SendMessage("hello"))
    studio.film(sink, media, range(130))
    recorder.pause("another class", studio.now())
    await until(lambda: recorder_has(recorder, recording_id, clusters=2))
    index, path = await shelf.index(recording_id, 1), await shelf.track(recording_id, 1)
    last = index.clusters[-1]
    assert last.offset + last.size <= path.stat().st_size
    found = await shelf.manifest(recording_id)
    assert (found.state, found.tracks[0].ending) == (State.RECORDING, Ending.OPEN)
    assert [one.t_ms for one in (await shelf.timeline(recording_id)).entries] == [1_000]
    with pytest.raises(ValueError, match="still being written"):
        await shelf.remove(recording_id)


def recorder_has(recorder: FileRecorder, recording_id: str, clusters: int) -> bool:
    take = recorder.running(recording_id)
    index = take.index(1) if take else None
    return index is not None and len(index.clusters) >= clusters


async def until(condition: object) -> None:
    """What the writer's thread does is seen by looking; it tells nobody."""
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_slow_disk_is_waited_for_without_holding_up_anybody(studio: Studio, media: Media) -> None:
    disk = FaultyDisk()
    recorder = await studio.recorder(disk)
    recording_id = studio.begin(recorder)
    disk.goes_on.clear()
    sink = studio.open(recorder, "camera")
    studio.film(sink, media, range(200))
    publishing = asyncio.create_task(recorder.publish(CLASS, studio.now()))
    await asyncio.sleep(0.02)
    assert not publishing.done()
    disk.goes_on.set()
    await publishing
    assert len(pictures_in(layout.track(layout.folder(studio.root, recording_id), 1))) == 200


async def test_what_does_not_fit_into_memory_is_dropped_up_to_the_next_keyframe(studio: Studio, media: Media) -> None:
    disk = FaultyDisk()
    recorder = await studio.recorder(disk, queue_bytes=1_000_000)
    recording_id = studio.begin(recorder)
    camera = studio.open(recorder, "camera")
    studio.film(camera, media, range(10))
    disk.goes_on.clear()
    hog = studio.open(recorder, "mic", "cy")
    for number in range(20_000):
        hog.write(sound(media, number, BEGIN + number * 20))
    hog.close()
    studio.film(camera, media, range(10, 30))
    disk.goes_on.set()
    await until(lambda: not recorder.busy)
    studio.film(camera, media, range(30, 100))
    await recorder.publish(CLASS, studio.now())
    found = await studio.shelf().manifest(recording_id)
    lost = {trouble.n: trouble.lost for trouble in found.trouble if trouble.reason == "too-slow"}
    assert lost.pop(1) == 40
    assert all(lost.values())
    assert [number for _, number in pictures_in(layout.track(layout.folder(studio.root, recording_id), 1))] == [
        *range(10), *range(50, 100)
    ]  # fmt: skip


async def test_a_class_that_goes_on_after_a_crash_continues_its_recording(studio: Studio, media: Media) -> None:
    first = await studio.recorder()
    recording_id = studio.begin(first)
    studio.film(studio.open(first, "camera"), media, range(75))
    await first.close()  # as far as files go, the same as a crash that came between two batches
    studio.lesson.at(BEGIN + 60_000)
    second = await studio.recorder()
    assert (await studio.shelf().manifest(recording_id)).state is State.INTERRUPTED
    assert verify(studio.root, recording_id) == []
    assert studio.begin(second) == recording_id
    studio.film(studio.open(second, "camera"), media, range(50), begin=BEGIN + 60_000)
    await second.publish(CLASS, studio.now())
    found = await studio.shelf().manifest(recording_id)
    assert [(track.n, track.offset_ms) for track in found.tracks] == [(1, 0), (2, 2_960)]
    assert [stretch.class_from - BEGIN for stretch in found.stretches] == [0, 60_000]
    assert verify(studio.root, recording_id) == []


async def test_a_class_that_ended_before_its_recording_was_published_is_published_at_start(
    studio: Studio, media: Media
) -> None:
    first = await studio.recorder()
    recording_id = studio.begin(first)
    studio.film(studio.open(first, "camera"), media, range(75))
    await first.close()
    studio.lesson.ann(EndClass())
    await studio.recorder()
    assert (await studio.shelf().manifest(recording_id)).state is State.PUBLISHED
    assert verify(studio.root, recording_id) == []


async def test_a_paused_class_is_not_published_at_start(studio: Studio, media: Media) -> None:
    first = await studio.recorder()
    recording_id = studio.begin(first)
    first.pause(CLASS, studio.now())
    await first.close()
    studio.lesson.ann(PauseRecording())
    second = await studio.recorder()
    assert (await studio.shelf().manifest(recording_id)).state is State.INTERRUPTED
    await second.publish(CLASS, studio.now())
    assert (await studio.shelf().manifest(recording_id)).state is State.PUBLISHED


async def test_a_deleted_recording_is_not_continued(studio: Studio, media: Media) -> None:
    first = await studio.recorder()
    recording_id = studio.begin(first)
    studio.film(studio.open(first, "camera"), media, range(25))
    await first.close()
    second = await studio.recorder()
    await studio.shelf().remove(recording_id)
    assert studio.begin(second) != recording_id


async def test_one_broken_manifest_does_not_keep_the_others_from_starting(studio: Studio) -> None:
    recorder = await studio.recorder()
    recording_id = studio.begin(recorder)
    await recorder.publish(CLASS, studio.now())
    broken = layout.folder(studio.root, "f" * 32)
    broken.mkdir()
    layout.manifest(broken).write_bytes(b'{"id": 3')
    await studio.recorder()
    assert [found.id for found in await studio.shelf().recordings()] == [recording_id]


class DeafLog:
    async def read(self, class_id: ClassId, after: int = 0) -> list[Entry]:
        raise LogUnavailable("it is somewhere else")


async def test_a_recording_plays_even_if_its_log_cannot_be_read(studio: Studio, media: Media) -> None:
    recorder = FileRecorder(studio.root, DeafLog(), studio.now)
    studio.recorders.append(recorder)
    await recorder.recover()
    recording_id = studio.begin(recorder)
    studio.film(studio.open(recorder, "camera"), media, range(50))
    await recorder.publish(CLASS, studio.now())
    found = await studio.shelf().manifest(recording_id)
    assert [trouble.reason for trouble in found.trouble] == ["entries-missing"]
    assert (await studio.shelf().timeline(recording_id)).entries == ()  # from the log, which is back


async def test_a_manifest_that_cannot_be_saved_yet_is_shown_and_saved_later(studio: Studio, media: Media) -> None:
    disk = FaultyDisk()
    recorder = await studio.recorder(disk)
    recording_id = studio.begin(recorder)
    studio.film(studio.open(recorder, "camera"), media, range(50))
    await until(lambda: not recorder.busy)
    disk.room_bytes = 0
    await recorder.publish(CLASS, studio.now())
    assert (await studio.shelf().manifest(recording_id)).state is State.PUBLISHED
    disk.room_bytes = 2**40
    studio.lesson.now += 2_000
    await until(lambda: recorder.running(recording_id) is None)
    assert (await studio.shelf().manifest(recording_id)).state is State.PUBLISHED


async def test_a_track_for_a_class_that_is_not_recorded_goes_nowhere(studio: Studio, media: Media) -> None:
    recorder = await studio.recorder()
    studio.film(studio.open(recorder, "camera"), media, range(10))
    assert await studio.shelf().recordings() == []


async def test_after_a_loss_of_power_all_but_the_last_second_is_there(studio: Studio, media: Media) -> None:
    """Only what was synced is still there: a power loss also takes what kill -9 leaves in the page cache."""
    disk = FaultyDisk(remembers=True)
    first = await studio.recorder(disk)
    recording_id = studio.begin(first)
    sink = studio.open(first, "camera")
    studio.film(sink, media, range(100))
    await until(lambda: recorder_has(first, recording_id, clusters=1))
    syncs = disk.syncs
    await until(lambda: disk.syncs > syncs)
    studio.film(sink, media, range(100, 110))
    await until(lambda: not first.busy)
    durable = dict(disk.durable)
    await first.close()
    disk.durable = durable
    disk.lose_power()
    await studio.recorder()
    found = await studio.shelf().manifest(recording_id)
    assert found.tracks[0].ending is Ending.REPAIRED
    assert 3_900 <= found.tracks[0].duration_ms <= 4_400
    assert verify(studio.root, recording_id, decode=True) == []


CHILD = """
import asyncio, sys, time
from pathlib import Path
from recordings.recorder import FileRecorder
from tests.recordings.lesson import CLASS, Lesson
from tests.recordings.media import Media, encode_film, encode_sine, picture, sound

now = lambda: int(time.time() * 1000)

async def main():
    media = Media(encode_film(250), encode_sine(400))
    recorder = FileRecorder(Path(sys.argv[1]), Lesson(), now)
    await recorder.recover()
    print(recorder.begin(CLASS, "Geometry", now()), flush=True)
    begin = now()
    sinks = [recorder.open_track(CLASS, p, p, s, "main", begin) for p in ("ann", "bo") for s in ("camera", "mic")]
    for n in range(1000):
        for camera, mic in (sinks[:2], sinks[2:]):
            camera.write(picture(media, n, now()))
            mic.write(sound(media, 2 * n, now()))
            mic.write(sound(media, 2 * n + 1, now() + 20))
        print(now(), flush=True)
        await asyncio.sleep(0.04)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [3, 11, 60])
async def test_kill_dash_nine_loses_less_than_two_seconds(studio: Studio, media: Media, after: int) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(studio.root), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout
    recording_id = (await child.stdout.readline()).decode().strip()
    begun = killed = int(await child.stdout.readline())
    for _ in range(after):
        killed = int(await child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    await child.wait()
    await studio.recorder()
    found = await studio.shelf().manifest(recording_id) if layout.recordings(studio.root) else None
    if killed - begun > 2_000:
        assert found is not None
        assert len(found.tracks) == 4
        assert all(track.ending is Ending.REPAIRED for track in found.tracks)
        assert all(track.offset_ms + track.duration_ms > killed - begun - 2_000 for track in found.tracks)
    if found is not None:
        complaints = verify(studio.root, recording_id, decode=True)
        assert [one for one in complaints if not one.startswith("entries")] == []
    assert _tracks(found) <= 4


def _tracks(found: Manifest | None) -> int:
    tracks: Sequence[object] = found.tracks if found else ()
    return len(tracks)
