"""Publishers of VP8 and of H.264 in one class: each is forwarded as it is, to those who can show it."""

from __future__ import annotations

from functools import partial

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from server.media.rtp import h264
from server.media.shapes import PeerId, Want
from server.synthetic.pictures import ClockPicture
from tests.media.peers import Person, stage
from tests.media.test_plane import Tape

pytestmark = pytest.mark.media

BOTH = ("VP8", "H264")


def shows(viewer: Person, peer: str, width: int) -> bool:
    slot = viewer.slot(peer, "camera")
    return slot is not None and slot.picture is not None and slot.picture.width == width


async def test_a_publisher_of_h264_is_seen_by_who_can_and_the_others_are_told() -> None:
    async with stage() as room:
        camera = {"camera": ClockPicture(320, 180)}
        ann = await room.person("ann", tracks=camera, sends="H264")
        assert "H264/90000" in ann.answer
        bo = await room.person("bo", shows=BOTH)
        cy = await room.person("cy", shows=["VP8"])
        await room.ledger.until(lambda: bo.frames("ann", "camera") > 10)
        assert shows(bo, "ann", 320)
        assert not bo.cannot_show("ann", "camera")
        assert cy.cannot_show("ann", "camera")
        assert cy.frames("ann", "camera") == 0


async def test_one_slot_shows_vp8_at_one_moment_and_h264_at_the_next() -> None:
    async with stage() as room:
        await room.person("ann", tracks={"camera": ClockPicture(320, 180)}, sends="H264")
        await room.person("dan", tracks={"camera": ClockPicture(640, 360)}, sends="VP8")
        bo = await room.person("bo", video=1, shows=BOTH)
        for peer, width in (("ann", 320), ("dan", 640)) * 3:
            room.plane.watch(bo.id, [Want(PeerId(peer), "camera", "high")])
            await room.ledger.until(partial(shows, bo, peer, width))
        assert room.plane.stats()["connects"] == 3


async def test_h264_is_recorded_as_it_comes() -> None:
    async with stage() as room:
        tape = Tape(room)
        ann = await room.person("ann", tracks={"camera": ClockPicture(320, 180)}, sends="H264")
        room.plane.record(ann.id, "camera", tape)
        await room.ledger.until(lambda: len(tape.frames) > 20)
        room.plane.stop_recording(ann.id, "camera")
        first = tape.frames[0]
        assert (first.codec, first.keyframe, first.width, first.height) == ("h264", True, 320, 180)
        decoder = VideoCodecContext.create("h264", "r")
        decoder.extradata = h264.setup(first.payload).record
        pictures = [picture for frame in tape.frames for picture in decoder.decode(av.Packet(frame.payload))]
        assert len(pictures) + len(decoder.decode(None)) == len(tape.frames)
