"""People see and hear one another through the plane: real peers, real codecs, loopback."""

from __future__ import annotations

import time

import av
import pytest
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from server.media.shapes import Circle
from server.media.tap import Frame
from server.synthetic.pictures import ClockPicture
from server.synthetic.voices import Voice
from tests.media.peers import Stage, counted, stage

pytestmark = pytest.mark.media


async def test_what_one_publishes_the_other_sees_and_hears() -> None:
    async with stage() as room:
        await room.person("ann", tracks={"mic": Voice(3000), "camera": ClockPicture(320, 180)})
        bo = await room.person("bo")
        await room.ledger.until(lambda: bo.frames("ann", "camera") > 10 and bo.frames("ann", "mic") > 20)
        sight, sound = bo.slot("ann", "camera"), bo.slot("ann", "mic")
        assert sight is not None
        assert sight.picture is not None
        assert (sight.picture.width, sight.picture.height) == (320, 180)
        assert sound is not None
        await room.ledger.until(lambda: sound.hears(3000))
        assert room.ledger.carried(bo.id) == {("ann", "camera"), ("ann", "mic")}


async def test_moving_everyone_to_breakouts_needs_no_new_connection() -> None:
    async with stage() as room:
        ann = await room.person("ann", tracks={"mic": Voice(3000), "camera": ClockPicture(320, 180)})
        bo = await room.person("bo", tracks={"mic": Voice(4000)})
        cy = await room.person("cy")
        await room.ledger.until(lambda: cy.frames("ann", "camera") > 2 and bo.frames("ann", "camera") > 2)

        room.plane.place(ann.id, Circle("class/one"))
        room.plane.place(cy.id, Circle("class/one"))
        seen = cy.frames("ann", "camera")
        await room.ledger.until(lambda: room.ledger.carried(cy.id) == {("ann", "camera"), ("ann", "mic")})
        await room.ledger.until(lambda: cy.frames("ann", "camera") > seen + 2)
        assert room.ledger.carried(bo.id) == set()
        assert room.plane.stats()["connects"] == 3
        assert all(person.connection.connectionState == "connected" for person in (ann, bo, cy))


class Tape:
    """A FrameSink that keeps everything."""

    def __init__(self, room: Stage) -> None:
        self.frames: list[Frame] = []
        self.closed = False
        self._room = room

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._room.ledger.wake()

    def close(self) -> None:
        self.closed = True


def decoded(codec: str, frames: list[Frame]) -> int:
    """How many pictures or sounds a player makes of what was recorded."""
    decoder = av.CodecContext.create(codec, "r")
    if not isinstance(decoder, VideoCodecContext | AudioCodecContext):
        raise TypeError(f"{codec} is neither sound nor picture")
    return sum(len(decoder.decode(av.Packet(frame.payload))) for frame in frames)


async def test_a_recording_holds_what_was_sent_and_starts_with_a_keyframe() -> None:
    async with stage() as room:
        sight, sound = Tape(room), Tape(room)
        ann = await room.person("ann", tracks={"mic": Voice(3000), "camera": ClockPicture(320, 180)})
        before_ms = time.time() * 1000
        room.plane.record(ann.id, "camera", sight)
        room.plane.record(ann.id, "mic", sound)
        await room.ledger.until(lambda: len(sight.frames) > 20 and len(sound.frames) > 50)
        room.plane.stop_recording(ann.id, "camera")
        room.plane.disconnect(ann.id)
        assert sight.closed
        assert sound.closed
        assert sight.frames[0].keyframe
        assert (sight.frames[0].width, sight.frames[0].height) == (320, 180)
        assert decoded("vp8", sight.frames) == len(sight.frames)
        assert decoded("libopus", sound.frames) >= len(sound.frames) - 1
        for tape in (sight, sound):
            times = [frame.at_ms for frame in tape.frames]
            assert times == sorted(times)
            assert before_ms - 1000 < times[0] < times[-1] < time.time() * 1000 + 100
        spans = [tape.frames[-1].at_ms - tape.frames[0].at_ms for tape in (sight, sound)]
        assert 1000 < spans[1] < 20_000


async def test_a_recording_goes_on_after_a_reconnect_and_stops_while_muted() -> None:
    async with stage() as room:
        tape = Tape(room)
        ann = await room.person("ann", tracks={"camera": ClockPicture(320, 180)})
        room.plane.record(ann.id, "camera", tape)
        await room.ledger.until(lambda: len(tape.frames) > 3)
        room.ledger.connected.clear()
        again = await room.person("ann", tracks={"camera": ClockPicture(640, 360)})
        await room.ledger.until(lambda: tape.frames[-1].width == 640 or any(f.width == 640 for f in tape.frames))
        assert decoded("vp8", tape.frames) == len(tape.frames)

        room.plane.allow(again.id, frozenset())
        await counted(room.plane, "drop-not-allowed", 5)
        kept = len(tape.frames)
        await counted(room.plane, "drop-not-allowed", 20)
        assert len(tape.frames) == kept
        assert not tape.closed


class FullDisk(Tape):
    """A sink that fails."""

    def write(self, frame: Frame) -> None:
        super().write(frame)
        raise OSError(28, "No space left on device")


async def test_a_recording_that_fails_does_not_touch_the_class() -> None:
    async with stage() as room:
        tape = FullDisk(room)
        ann = await room.person("ann", tracks={"camera": ClockPicture(320, 180)})
        bo = await room.person("bo")
        room.plane.record(ann.id, "camera", tape)
        await room.ledger.until(lambda: len(tape.frames) == 1)
        seen = bo.frames("ann", "camera")
        await room.ledger.until(lambda: bo.frames("ann", "camera") > seen + 10)
        assert len(tape.frames) == 1
