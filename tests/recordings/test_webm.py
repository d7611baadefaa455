"""The container: what we write, an independent decoder reads back, whole or cut off anywhere."""

from __future__ import annotations

import contextlib
import io
import itertools
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recordings.disk import OsDisk
from recordings.ebml import UNKNOWN_SIZE
from recordings.repair import repair, scan_file
from recordings.scan import scan
from recordings.webm import Picture, Sound, WebmWriter
from tests.recordings.media import FRAME_MS, HEIGHT, WIDTH, Media, encode_film, loudness_in, pictures_in

DISK = OsDisk()


def film_writer(path: Path) -> WebmWriter:
    return WebmWriter(lambda: DISK.open(path), Picture(WIDTH, HEIGHT))


def write_film(path: Path, media: Media, pictures: int = 250) -> WebmWriter:
    writer = film_writer(path)
    for number, packet in enumerate(media.film[:pictures]):
        writer.append(number * FRAME_MS, packet.payload, packet.keyframe)
    return writer


def write_sine(path: Path, media: Media) -> WebmWriter:
    writer = WebmWriter(lambda: DISK.open(path), Sound())
    for number, packet in enumerate(media.sine):
        writer.append(number * 20, packet, True, 20)
    return writer


def test_every_picture_of_a_closed_file_is_at_its_time(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    assert write_film(path, media).close() == path.stat().st_size
    assert pictures_in(path) == [(number * FRAME_MS, number) for number in range(250)]


def test_sound_comes_back_as_long_as_it_was(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    write_sine(path, media).close()
    assert loudness_in(path) == [True] * 400


def test_a_closed_file_knows_its_duration_and_seeks_to_the_keyframe(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    write_film(path, media).close()
    with av.open(str(path)) as container:
        assert container.duration == 250 * FRAME_MS * 1000
        container.seek(5_500_000)
        first = next(container.demux(video=0))
        assert first.is_keyframe
        assert first.pts == 4_000  # clusters, and so cues, are at 0, 2, 4, ... s


def test_clusters_begin_at_keyframes_two_seconds_apart(tmp_path: Path, media: Media) -> None:
    writer = write_film(tmp_path / "1.webm", media)
    writer.close()
    assert [(cluster.t_ms, cluster.keyframe) for cluster in writer.whole] == [(t, True) for t in range(0, 10_000, 2000)]


def test_a_sender_without_keyframes_still_gets_a_cluster_every_five_seconds(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    writer = film_writer(path)
    for number in range(300):
        writer.append(number * FRAME_MS, media.film[number % 250].payload, number == 0)
    writer.close()
    assert [(cluster.t_ms, cluster.keyframe) for cluster in writer.whole] == [(0, True), (5000, False), (10000, False)]
    assert len(pictures_in(path)) == 300


def test_the_picture_may_change_its_size_inside_a_file(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    writer = write_film(path, media, pictures=25)
    for number, packet in enumerate(encode_film(25, width=320, height=192), 25):
        writer.append(number * FRAME_MS, packet.payload, packet.keyframe)
    writer.close()
    with av.open(str(path)) as container:
        widths = [frame.width for frame in container.decode(video=0)]
    assert widths == [160] * 25 + [320] * 25


def test_whole_clusters_of_a_growing_file_play_as_they_are(tmp_path: Path, media: Media) -> None:
    """What a latecomer fetches while the class runs: the init segment and finished clusters, by index."""
    path = tmp_path / "1.webm"
    writer = write_film(path, media, pictures=130)
    writer.flush()
    content = path.read_bytes()
    assert [cluster.t_ms for cluster in writer.whole] == [0, 2000]
    for cluster in writer.whole:
        ranges = content[: writer.front.end] + content[cluster.offset : cluster.offset + cluster.size]
        assert content[cluster.offset + 4 :][:8] != UNKNOWN_SIZE
        with av.open(io.BytesIO(ranges), mode="r") as container:
            assert len(list(container.decode(video=0))) == 50


def test_a_cluster_is_not_offered_before_its_bytes_are_in_the_file(tmp_path: Path, media: Media) -> None:
    writer = write_film(tmp_path / "1.webm", media)
    assert writer.whole == []
    writer.flush()
    assert len(writer.whole) == 4


def test_time_never_runs_backwards(tmp_path: Path, media: Media) -> None:
    writer = write_film(tmp_path / "1.webm", media, pictures=3)
    with pytest.raises(ValueError, match="a frame at 79 ms after one at 80 ms"):
        writer.append(79, b"x", False)


def test_a_long_gap_is_no_trouble(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    writer = write_film(path, media, pictures=25)
    hour_ms = 3_600_000
    writer.append(hour_ms, media.film[25].payload, True)
    writer.append(hour_ms + 4_900, media.film[26].payload, False)
    writer.close()
    assert [ms for ms, _ in pictures_in(path)][-2:] == [hour_ms, hour_ms + 4_900]


def blocks_in(path: Path) -> list[int]:
    kind = scan_file(path).codec
    with av.open(str(path)) as container:
        stream = container.streams.video[0] if kind == "V_VP8" else container.streams.audio[0]
        return [packet.pts for packet in container.demux(stream) if packet.pts is not None]


def test_a_file_cut_anywhere_keeps_all_whole_frames_before_the_cut(tmp_path: Path, media: Media) -> None:
    """Every cut of a small film, as kill -9 would leave it: not closed, the last cluster of unknown size."""
    source, torn = tmp_path / "1.webm", tmp_path / "2.webm"
    writer = write_film(source, media, pictures=120)
    writer.flush()
    content = source.read_bytes()
    begins = list(itertools.accumulate(media.film[:119], lambda at, frame: content.index(frame.payload, at), initial=0))
    ends = [at + len(frame.payload) for at, frame in zip(begins[1:], media.film, strict=False)]
    after_block = 13  # a group says its duration and its reference behind the frame
    for cut in [*range(writer.front.end, len(content), 7), *range(len(content) - 40, len(content) + 1)]:
        torn.write_bytes(content[:cut])
        repair(DISK, torn)
        found = scan_file(torn)
        assert found.sealed
        assert sum(end + after_block <= cut for end in ends) <= found.frames <= sum(end <= cut for end in ends)
    assert found.frames == 119  # the last picture waits for the next one, to know how long it is shown
    assert pictures_in(torn) == [(number * FRAME_MS, number) for number in range(119)]


def test_a_torn_file_is_seekable_once_repaired(tmp_path: Path, media: Media) -> None:
    source = tmp_path / "1.webm"
    write_film(source, media).flush()
    source.write_bytes(source.read_bytes()[:-333])
    repair(DISK, source)
    found = scan_file(source)
    with av.open(str(source)) as container:
        assert container.duration == found.duration_ms * 1000
        container.seek(7_000_000)
        assert next(container.demux(video=0)).pts == 6_000
    assert blocks_in(source) == [number * FRAME_MS for number in range(found.frames)]


def test_a_close_cut_off_anywhere_is_finished_by_repair(tmp_path: Path, media: Media) -> None:
    """The front is already patched or not, the Cues are there in part: the end is the same file."""
    path = tmp_path / "1.webm"
    writer = write_film(path, media)
    writer.cut()
    writer.flush()
    before = path.read_bytes()
    writer.close()
    closed = path.read_bytes()
    front = writer.front.end
    for cut in range(len(before), len(closed) + 1):
        for head in (before[:front], closed[:front]):
            path.write_bytes(head + closed[front:cut])
            repair(DISK, path)
            assert path.read_bytes() == closed


def test_a_tail_of_zeros_left_by_a_loss_of_power_is_dropped(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    write_sine(path, media).flush()
    content = path.read_bytes()
    path.write_bytes(content[:-5000] + bytes(5000))
    repair(DISK, path)
    frames = scan_file(path).frames
    assert 350 < frames < 400
    assert blocks_in(path) == [number * 20 for number in range(frames)]


def test_a_quick_look_at_a_torn_file_finds_what_a_thorough_one_does(tmp_path: Path, media: Media) -> None:
    source = tmp_path / "1.webm"
    writer = write_film(source, media)
    writer.flush()
    content = source.read_bytes()
    for cut in range(writer.front.end, len(content), 97):
        quick, thorough = scan(content[:cut], thorough=False), scan(content[:cut])
        assert quick.frames <= thorough.frames
        assert replace(quick, frames=thorough.frames) == thorough


def test_repair_leaves_a_closed_file_alone(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    write_film(path, media).close()
    before = path.read_bytes()
    assert repair(DISK, path).sealed
    assert path.read_bytes() == before


def test_what_the_writer_says_of_a_file_is_what_a_scan_finds(tmp_path: Path, media: Media) -> None:
    for writer, path in (
        (write_film(tmp_path / "1.webm", media), tmp_path / "1.webm"),
        (write_sine(tmp_path / "2.webm", media), tmp_path / "2.webm"),
    ):
        writer.close()
        found = scan_file(path)
        assert found.front == writer.front
        assert found.clusters == tuple(writer.whole)
        assert found.duration_ms == writer.end_ms
        assert found.wrong_sizes == ()


@given(st.binary(max_size=400))
def test_any_bytes_give_a_scan_or_a_value_error(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        scan(content)


def test_a_damaged_file_gives_a_scan_or_a_value_error(tmp_path: Path, media: Media) -> None:
    path = tmp_path / "1.webm"
    write_film(path, media, pictures=60).close()
    content = path.read_bytes()
    for at in [*range(600), *range(600, len(content), 11)]:
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(content)
            damaged[at] ^= flip
            try:
                found = scan(bytes(damaged))
            except ValueError:
                continue
            assert found.end <= len(content)
