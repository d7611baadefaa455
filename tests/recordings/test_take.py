"""A recording while it is written: which frames end up where, and what a bad disk does to it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import av
import pytest

from recordings import layout, manifest, opus
from recordings.disk import Disk, OsDisk
from recordings.manifest import Ending, Manifest, State, Stretch
from recordings.recovery import mend_all
from recordings.take import SPARE_BYTES, Feed, Take
from recordings.verify import verify
from server.media.tap import Frame
from tests.recordings.disks import FaultyDisk
from tests.recordings.media import FRAME_MS, HEIGHT, WIDTH, Media, encode_film, loudness_in, picture, pictures_in, sound

ID = "0123456789abcdef0123456789abcdef"
MIC = ("bo", "Bo", "mic", "main")
CAMERA = ("bo", "Bo", "camera", "main")


class Desk:
    """A take with its clock; ann's class began at 1,000,000 and is recorded from 1,000,000 on."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.now = 1_000_000
        self.root = root
        found = Manifest(id=ID, class_id="geometry", title="Geometry", started_at=self.now)
        self.take = Take(disk or OsDisk(), root, found, lambda: self.now)
        self.take.resume(self.now)

    def film(self, feed: Feed, media: Media, begin: int, pictures: range) -> None:
        for number in pictures:
            self.now = begin + number * FRAME_MS
            self.take.write(feed, picture(media, number, self.now))

    def speech(self, feed: Feed, media: Media, begin: int, packets: range) -> None:
        for number in packets:
            self.now = begin + number * 20
            self.take.write(feed, sound(media, number, self.now))

    def path(self, n: int) -> Path:
        return layout.track(layout.folder(self.root, ID), n)

    def saved(self) -> Manifest:
        return manifest.decode(layout.manifest(layout.folder(self.root, ID)).read_bytes())

    def complaints(self) -> list[str]:
        """There is no log here; what is wrong with the rest."""
        return [complaint for complaint in verify(self.root, ID) if not complaint.startswith("entries")]

    def finish(self) -> Manifest:
        self.take.pause(self.now)
        self.take.publish()
        self.take.flush()
        return self.saved()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_picture_is_where_it_was_captured(desk: Desk, media: Media) -> None:
    desk.film(Feed(*CAMERA), media, 1_000_640, range(100))
    (track,) = desk.finish().tracks
    assert (track.kind, track.codec, track.width, track.height) == ("video", "vp8", 160, 96)
    shown = [(track.offset_ms + at_ms, number) for at_ms, number in pictures_in(desk.path(1))]
    assert shown == [(640 + number * FRAME_MS, number) for number in range(100)]


def test_lips_and_voice_meet_although_they_begin_apart(desk: Desk, media: Media) -> None:
    """The film shows the number n when the sine of packet 2n sounds; the microphone came on half a second later."""
    camera, mic = Feed(*CAMERA), Feed(*MIC)
    desk.film(camera, media, 1_000_100, range(75))
    desk.speech(mic, media, 1_000_100, range(25, 150))
    video, audio = desk.finish().tracks
    assert (video.offset_ms, audio.offset_ms) == (100, 600)
    assert [video.offset_ms + at for at, _ in pictures_in(desk.path(1))] == [100 + n * FRAME_MS for n in range(75)]
    assert len(loudness_in(desk.path(2))) * 20 == 2_500 == audio.duration_ms


def test_a_clap_is_seen_and_heard_at_once_however_the_sound_came(desk: Desk, media: Media) -> None:
    """Twenty minutes of a slow crystal (200 ppm), jitter, lost packets and a long silence; a clap every minute."""
    mic, camera, dice = Feed(*MIC), Feed(*CAMERA), Random(11)
    claps = {n: 1_000_000 + n * 20 * 1.0002 for n in range(3_000, 60_000, 3_000)}
    for n in range(60_000):
        at_ms = 1_000_000 + n * 20 * 1.0002
        desk.now = int(at_ms)
        if n in claps:
            desk.take.write(mic, Frame(at_ms, media.sine[9], True))
            desk.take.write(camera, picture(media, 0, at_ms))
        elif not 40_000 < n < 40_400 and dice.random() > 0.002:
            desk.take.write(mic, Frame(at_ms + dice.uniform(-8, 8), opus.SILENCE, True))
    found = desk.finish()
    with av.open(str(desk.path(1)), mode="r") as container:
        heard = [packet.pts or 0 for packet in container.demux() if bytes(packet) == media.sine[9]]
    seen = [track.offset_ms for track in found.tracks if track.kind == "video"]
    assert seen == [round(at_ms) - 1_000_000 for at_ms in claps.values()]
    assert len(heard) == len(seen)
    assert max(abs(sound_ms - picture_ms) for sound_ms, picture_ms in zip(heard, seen, strict=True)) <= 20


def test_a_film_begins_with_the_first_keyframe(desk: Desk, media: Media) -> None:
    desk.film(Feed(*CAMERA), media, 1_000_000, range(7, 60))
    (track,) = desk.finish().tracks
    assert track.offset_ms == 25 * FRAME_MS
    assert pictures_in(desk.path(1))[0] == (0, 25)


def test_the_keyframe_asked_for_by_the_start_counts_although_it_was_captured_just_before(
    desk: Desk, media: Media
) -> None:
    desk.film(Feed(*CAMERA), media, 999_900, range(50))
    (track,) = desk.finish().tracks
    assert track.offset_ms == 0
    times = [at for at, _ in pictures_in(desk.path(1))]
    assert times[:4] == [0, 1, 2, 20]
    assert times[-1] == 49 * FRAME_MS - 100


def test_nothing_is_recorded_before_the_start_or_in_a_pause(desk: Desk, media: Media) -> None:
    mic, camera = Feed(*MIC), Feed(*CAMERA)
    desk.speech(mic, media, 999_000, range(100))  # the first 50 are from before
    desk.film(camera, media, 1_001_000, range(25))
    desk.take.pause(1_002_000)
    desk.speech(mic, media, 1_002_000, range(100))
    desk.film(camera, media, 1_002_000, range(50))
    desk.take.resume(1_004_000)
    desk.film(camera, media, 1_004_000, range(25))
    found = desk.finish()
    assert found.stretches == (Stretch(1_000_000, 1_002_000), Stretch(1_004_000, 1_004_960))
    assert [(track.source, track.offset_ms, track.duration_ms) for track in found.tracks] == [
        ("mic", 0, 1_000),
        ("camera", 1_000, 1_000),
        ("camera", 2_000, 1_000),
    ]
    assert found.duration_ms == 2_960


def test_a_microphone_that_was_muted_for_long_gets_a_second_track(desk: Desk, media: Media) -> None:
    mic = Feed(*MIC)
    desk.speech(mic, media, 1_000_000, range(50))
    desk.speech(mic, media, 1_040_000, range(50))
    found = desk.finish()
    assert [(track.offset_ms, track.duration_ms) for track in found.tracks] == [(0, 1_000), (40_000, 1_000)]


def test_a_short_mute_is_silence_in_one_track(desk: Desk, media: Media) -> None:
    mic = Feed(*MIC)
    desk.speech(mic, media, 1_000_000, range(50))
    desk.speech(mic, media, 1_006_000, range(50))
    (track,) = desk.finish().tracks
    heard = loudness_in(desk.path(track.n))
    assert len(heard) == 350
    assert not any(heard[53:299])
    assert all(heard[303:])


def test_what_is_not_opus_is_left_out(desk: Desk, media: Media) -> None:
    mic = Feed(*MIC)
    desk.speech(mic, media, 1_000_000, range(10))
    for payload in (b"", b"\x03", b"\xff\x00"):
        desk.take.write(mic, sound(media, 0, 0).__class__(1_000_200.0, payload, True))
    desk.speech(mic, media, 1_000_000, range(10, 20))
    (track,) = desk.finish().tracks
    assert track.duration_ms == 400


def test_a_capture_time_a_little_ahead_of_the_clock_is_believed(desk: Desk, media: Media) -> None:
    """Senders' clocks are known to some milliseconds; both tracks of one sender share the error and stay in step."""
    desk.take.write(Feed(*CAMERA), picture(media, 0, 1_000_030))
    (track,) = desk.finish().tracks
    assert track.offset_ms == 30


def test_a_track_is_shown_once_there_is_something_to_fetch(desk: Desk, media: Media) -> None:
    desk.film(Feed(*CAMERA), media, 1_000_000, range(10))
    assert desk.take.snapshot().tracks == ()
    desk.take.flush()
    assert [track.n for track in desk.take.snapshot().tracks] == [1]
    assert desk.path(1).stat().st_size >= 194


def test_a_growing_recording_is_described_as_far_as_it_can_be_fetched(desk: Desk, media: Media) -> None:
    desk.film(Feed(*CAMERA), media, 1_000_000, range(130))
    assert desk.take.index(1) is not None
    desk.take.flush()
    index, found = desk.take.index(1), desk.take.snapshot()
    assert index is not None
    assert [cluster.t_ms for cluster in index.clusters] == [0, 2_000]
    assert found.state is State.RECORDING
    assert found.tracks[0].ending is Ending.OPEN
    assert found.tracks[0].duration_ms == 130 * FRAME_MS
    assert found.duration_ms == 129 * FRAME_MS


def test_a_still_screen_can_be_fetched_although_nothing_new_comes(desk: Desk, media: Media) -> None:
    desk.film(Feed("ann", "Ann", "screen", "main"), media, 1_000_000, range(5))
    desk.take.flush()
    desk.now = 1_006_000
    desk.take.tick()
    index = desk.take.index(1)
    assert index is not None
    assert len(index.clusters) == 1


def test_a_track_is_in_the_manifest_before_it_is_on_the_disk(tmp_path: Path, media: Media) -> None:
    disk = FaultyDisk()
    desk = Desk(tmp_path, disk)
    desk.take.flush()
    disk.room_bytes = 100  # not enough for a manifest with a track in it
    desk.film(Feed(*CAMERA), media, 1_000_000, range(10))
    desk.take.flush()
    assert not desk.path(1).exists()
    assert desk.saved().tracks == ()
    disk.room_bytes = 2**40
    desk.now += 5_000
    desk.film(Feed(*CAMERA), media, 1_010_000, range(10))
    assert [(track.n, track.offset_ms) for track in desk.finish().tracks] == [(2, 10_000)]
    assert desk.complaints() == []


def test_on_a_full_disk_a_track_closes_playable_and_goes_on_when_there_is_room(tmp_path: Path, media: Media) -> None:
    disk = FaultyDisk()
    desk, camera = Desk(tmp_path, disk), Feed(*CAMERA)
    desk.film(camera, media, 1_000_000, range(50))
    desk.take.flush()
    disk.room_bytes = 1_500
    desk.film(camera, media, 1_000_000, range(50, 150))
    desk.take.flush()
    assert [trouble.reason for trouble in desk.take.manifest.trouble] == ["disk-full"]
    disk.room_bytes = 2**40
    desk.film(camera, media, 1_000_000, range(150, 350))
    found = desk.finish()
    first, second = found.tracks
    assert (first.ending, second.ending) == (Ending.FAILED, Ending.CLOSED)
    assert first.duration_ms >= 50 * FRAME_MS
    assert second.offset_ms == 275 * FRAME_MS  # the first keyframe 5 s after the failure, which was noticed at 150
    shown = [number for _, number in pictures_in(desk.path(1))]
    assert shown == list(range(len(shown)))
    assert [trouble.n for trouble in found.trouble] == [1]


def test_recording_stops_while_there_is_still_room_for_the_log(tmp_path: Path, media: Media) -> None:
    disk = FaultyDisk()
    desk, camera = Desk(tmp_path, disk), Feed(*CAMERA)
    desk.film(camera, media, 1_000_000, range(50))
    assert desk.take.trouble == ""
    disk.free = SPARE_BYTES - 1
    desk.take.tick()
    desk.film(camera, media, 1_000_000, range(50, 100))
    desk.now += 60_000
    assert desk.take.trouble == "disk-full"  # for as long as it is
    disk.free = 2 * SPARE_BYTES
    desk.take.tick()
    assert desk.take.trouble == ""
    desk.film(camera, media, 1_000_000, range(100, 150))
    found = desk.finish()
    assert [(track.offset_ms, track.ending) for track in found.tracks] == [(0, Ending.FAILED), (4_000, Ending.CLOSED)]
    assert [(trouble.reason, trouble.n) for trouble in found.trouble] == [("disk-full", 0)]
    assert desk.complaints() == []


def test_a_failed_sync_ends_the_file_and_the_feed_goes_on_in_another(tmp_path: Path, media: Media) -> None:
    """Linux may drop what it could not write and say so once: what is in the file afterwards is read again."""
    disk = FaultyDisk()
    desk, mic = Desk(tmp_path, disk), Feed(*MIC)
    desk.speech(mic, media, 1_000_000, range(50))
    disk.bad_sync = {"1.webm"}
    desk.take.tick()
    disk.bad_sync = set()
    desk.speech(mic, media, 1_000_000, range(50, 350))
    found = desk.finish()
    assert [(track.offset_ms, track.ending) for track in found.tracks] == [(0, Ending.FAILED), (5_980, Ending.CLOSED)]
    assert [(trouble.reason, trouble.n) for trouble in found.trouble] == [("write-failed", 1)]


def test_frames_that_did_not_fit_in_memory_are_counted(desk: Desk, media: Media) -> None:
    mic = Feed(*MIC)
    desk.speech(mic, media, 1_000_000, range(10))
    desk.take.write(mic, sound(media, 20, 1_000_400), lost=10)
    desk.take.write(mic, sound(media, 23, 1_000_460), lost=2)
    found = desk.finish()
    assert [(trouble.reason, trouble.n, trouble.lost) for trouble in found.trouble] == [("too-slow", 1, 12)]
    assert found.tracks[0].duration_ms == 480


def test_a_picture_that_changes_its_size_stays_in_one_track(desk: Desk, media: Media) -> None:
    camera = Feed(*CAMERA)
    desk.film(camera, media, 1_000_000, range(25))
    for number, packet in enumerate(encode_film(25, width=320, height=192), 25):
        at_ms = 1_000_000 + number * FRAME_MS
        desk.take.write(camera, picture(media, 1, 0).__class__(at_ms, packet.payload, packet.keyframe, 320, 192, "vp8"))
    (track,) = desk.finish().tracks
    assert (track.width, track.duration_ms) == (160, 2_000)
    with av.open(str(desk.path(1)), mode="r") as container:
        assert [frame.width for frame in container.decode(video=0)] == [160] * 25 + [320] * 25


def test_silence_that_was_not_sent_is_silence_in_the_file_and_no_trouble(desk: Desk, media: Media) -> None:
    """Discontinuous transmission sends one packet of a byte or two every 400 ms."""
    mic = Feed(*MIC)
    desk.speech(mic, media, 1_000_000, range(50))
    for number in range(5):
        desk.now = 1_001_000 + 400 * number
        desk.take.write(mic, Frame(desk.now, b"\x78", True))
    desk.speech(mic, media, 1_003_000, range(50))
    found = desk.finish()
    assert found.trouble == ()
    assert [track.duration_ms for track in found.tracks] == [4_000]
    heard = loudness_in(desk.path(1))
    assert heard[10:40] == heard[160:190] == [True] * 30
    assert not any(heard[60:140])


@pytest.mark.parametrize(("codec", "mime"), [("vp8", "vp8"), ("vp9", "vp9"), ("h264", "avc1.42c00b")])
def test_every_codec_gets_a_file_that_plays_and_is_as_the_manifest_says(desk: Desk, codec: str, mime: str) -> None:
    camera = Feed(*CAMERA)
    film = encode_film(100, codec=codec)
    for number, packet in enumerate(film):
        desk.now = 1_000_000 + number * FRAME_MS
        desk.take.write(camera, Frame(desk.now, packet.payload, packet.keyframe, WIDTH, HEIGHT, codec))
    (track,) = desk.finish().tracks
    assert (track.codec, track.width, track.duration_ms, track.ending) == (mime, WIDTH, 4_000, Ending.CLOSED)
    assert pictures_in(desk.path(1)) == [(number * FRAME_MS, number) for number in range(100)]
    assert [complaint for complaint in verify(desk.root, ID, decode=True) if "entries" not in complaint] == []


def test_who_comes_back_with_another_codec_goes_on_in_another_track(desk: Desk, media: Media) -> None:
    camera = Feed(*CAMERA)
    desk.film(camera, media, 1_000_000, range(25))
    for number, packet in enumerate(encode_film(25, codec="h264"), 25):
        at_ms = 1_000_000 + number * FRAME_MS
        desk.take.write(camera, Frame(at_ms, packet.payload, packet.keyframe, WIDTH, HEIGHT, "h264"))
    assert [track.codec for track in desk.finish().tracks] == ["vp8", "avc1.42c00b"]
    assert [len(pictures_in(desk.path(n))) for n in (1, 2)] == [25, 25]


def test_whatever_happens_to_disk_and_class_the_files_are_as_the_manifest_says(tmp_path: Path, media: Media) -> None:
    for seed in range(60):
        dice, disk = Random(seed), FaultyDisk()
        desk = Desk(tmp_path / str(seed), disk)
        desk.root.mkdir()
        desk.take.flush()
        feeds = [Feed("bo", "Bo", source, "main") for source in ("mic", "camera", "screen", "screen_audio")]
        number = 0
        for _ in range(dice.randrange(5, 60)):
            match dice.choice(["frames"] * 6 + ["pause", "flush", "tick", "wait", "full", "sync", "well", "end"]):
                case "frames":
                    for _ in range(dice.randrange(40)):
                        number += 1
                        desk.now += 40
                        feed = dice.choice(feeds)
                        frame = sound(media, number, desk.now) if feed.audio else picture(media, number, desk.now)
                        desk.take.write(feed, frame)
                case "pause":
                    desk.take.pause(desk.now)
                    desk.now += dice.randrange(5_000)
                    desk.take.resume(desk.now)
                case "flush":
                    desk.take.flush()
                case "tick":
                    desk.take.tick()
                case "wait":
                    desk.now += dice.randrange(40_000)
                case "full":
                    disk.room_bytes = dice.randrange(5_000)
                case "sync":
                    disk.bad_sync = {f"{dice.randrange(5)}.webm", ".manifest.json.part"}
                case "well":
                    disk.room_bytes, disk.bad_sync = 2**40, set()
                case "end":
                    desk.take.end(dice.choice(feeds))
        if dice.random() < 0.5:
            disk.room_bytes, disk.bad_sync = 2**40, set()
            desk.finish()
        else:
            del desk.take  # as after kill -9: what was not flushed is gone
        disk.room_bytes, disk.bad_sync = 2**40, set()
        mend_all(disk, desk.root, desk.now)
        assert desk.complaints() == [], f"seed {seed}"
