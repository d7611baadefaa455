"""What the plane does with packets: layers, circles, permission, repeats, feedback. Hand-made RTP, real transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from server.media.plane import TICK_SECONDS
from server.media.rtp import rtcp, twcc
from server.media.rtp.header import parse
from server.media.shapes import Circle, Want
from server.media.tap import Frame
from tests.media.peers import Clock, Pace, Stage, stage
from tests.media.wire import RTX, TWCC_ID, Camera, Microphone, WirePeer, label

pytestmark = pytest.mark.media

LAYERS = ("l", "m", "h")
FRAME = 0.02  # a sender's pace: packets are made in real time


class Cast:
    """Wire peers on one plane."""

    def __init__(self, room: Stage) -> None:
        self.room = room
        self.plane = room.plane
        self.ledger = room.ledger
        self.peers: list[WirePeer] = []

    async def enter(
        self,
        name: str,
        publish: dict[str, Sequence[str]] | None = None,
        circle: str = "main",
        audio: int = 5,
        video: int = 2,
    ) -> WirePeer:
        peer = WirePeer(self.room, name)
        self.peers.append(peer)
        self.plane.place(peer.id, Circle(circle))
        self.plane.allow(peer.id, frozenset(publish or {}))
        await peer.connect(publish, audio, video)
        return peer

    def frames(self, viewer: WirePeer, mid: str = "v0") -> list[str]:
        """What frames arrived on a slot."""
        return [label(payload) for _, payload in viewer.received(viewer.slot_ssrc(mid))]

    async def until_frames(self, viewer: WirePeer, *frames: str, mid: str = "v0") -> None:
        await self.ledger.until(lambda: len(self.frames(viewer, mid)) >= len(frames))
        assert self.frames(viewer, mid) == list(frames)

    async def until_asked_for_keyframe(self, publisher: WirePeer, ssrc: int) -> None:
        await self.ledger.until(
            lambda: any(isinstance(told, rtcp.Pli) and told.media_ssrc == ssrc for told in publisher.rtcp)
        )


@asynccontextmanager
async def cast(clock: Callable[[], int] | None = None) -> AsyncIterator[Cast]:
    async with stage(clock) as room:
        yield Cast(room)


async def test_a_viewer_gets_the_layer_he_asks_for_from_its_next_keyframe_on() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        camera = Camera(ann)
        await camera.shoot(keyframe=True)
        await room.until_frames(bo, "l1")

        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        await room.until_asked_for_keyframe(ann, camera.ssrc("h"))
        await camera.shoot()
        await camera.shoot(keyframe=True, rids=["h"])
        await camera.shoot()
        await room.until_frames(bo, "l1", "l2", "h3", "h4")
        heads = [head for head, _ in bo.received(bo.slot_ssrc("v0"))]
        assert [(head.seq - heads[0].seq) % (1 << 16) for head in heads] == [0, 1, 2, 3]


async def test_a_keyframe_that_comes_late_does_not_move_the_picture_against_its_sound() -> None:
    clock = Clock()
    async with cast(clock) as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        camera = Camera(ann)
        await camera.shoot(keyframe=True)
        await room.until_frames(bo, "l1")
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        await room.until_asked_for_keyframe(ann, camera.ssrc("h"))
        await camera.shoot()
        await room.until_frames(bo, "l1", "l2")
        clock.added_us += 250_000
        await camera.shoot(keyframe=True, rids=["h"])
        await room.until_frames(bo, "l1", "l2", "h3")
        *_, before, after = [head.timestamp for head, _ in bo.received(bo.slot_ssrc("v0"))]
        assert 90 <= (after - before) % (1 << 32) < 90 * 150  # captured 33 ms apart


async def test_a_layer_that_falls_silent_is_replaced_by_one_that_sends() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        camera = Camera(ann)
        await camera.shoot(keyframe=True)
        await room.ledger.until(lambda: "h1" in room.frames(bo))
        async with asyncio.timeout(5):
            while not room.frames(bo)[-1].startswith("m"):
                await camera.shoot(keyframe=True, rids=["l", "m"])
                await asyncio.sleep(FRAME)


async def test_a_layer_of_which_only_probes_come_counts_as_silent() -> None:
    """Firefox probes by repeating old packets of any layer, a megabit a second of them."""
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        camera = Camera(ann)
        top = camera.packet("h", keyframe=True)
        await ann.send(top)
        await camera.shoot(keyframe=True, rids=["l", "m"])
        await room.ledger.until(lambda: "h0" in room.frames(bo))
        async with asyncio.timeout(5):
            while not room.frames(bo)[-1].startswith("m"):
                await camera.shoot(keyframe=True, rids=["l", "m"])
                await camera.repair(top, "h")
                await asyncio.sleep(FRAME)


async def test_circles_are_apart_and_moving_needs_no_new_offer() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"mic": (), "camera": ("l",)}, circle="red")
        bo = await room.enter("bo", circle="red")
        cy = await room.enter("cy", circle="blue")
        camera, mic = Camera(ann, rids=("l",)), Microphone(ann)
        await camera.shoot(keyframe=True)
        await mic.say()
        await room.until_frames(bo, "l1")
        await room.ledger.until(lambda: room.ledger.carried(bo.id) == {("ann", "camera"), ("ann", "mic")})
        await mic.say()
        await room.ledger.until(lambda: len(bo.received(bo.slot_ssrc("a0"))) == 1)
        assert cy.rtp == []

        room.plane.place(ann.id, Circle("blue"))
        await room.ledger.until(lambda: ("ann", "camera") in room.ledger.carried(cy.id))
        assert room.ledger.carried(bo.id) == set()
        await room.until_asked_for_keyframe(ann, camera.ssrc("l"))
        heard = len(bo.rtp)
        await camera.shoot(keyframe=True)
        await mic.say()
        await room.until_frames(cy, "l2")
        await room.ledger.until(lambda: ("ann", "mic") in room.ledger.carried(cy.id))
        await mic.say()
        await room.ledger.until(lambda: len(cy.received(cy.slot_ssrc("a0"))) == 1)
        assert len(bo.rtp) == heard


async def test_leaving_and_coming_back_in_one_turn_interrupts_nothing() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": ("l",)})
        bo = await room.enter("bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await room.until_frames(bo, "l1")
        for circle in ("elsewhere", "main"):
            room.plane.place(ann.id, Circle(circle))
        await room.until_asked_for_keyframe(ann, camera.ssrc("l"))
        await camera.shoot(keyframe=True)
        await room.until_frames(bo, "l1", "l2")


async def test_what_is_not_allowed_is_not_forwarded_whatever_the_browser_does() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"mic": ()})
        bo = await room.enter("bo")
        mic = Microphone(ann)
        await mic.say(text=b"before")
        await room.ledger.until(lambda: ("ann", "mic") in room.ledger.carried(bo.id))
        await mic.say(text=b"heard")
        await room.ledger.until(lambda: len(bo.rtp) > 0)

        room.plane.allow(ann.id, frozenset())
        await mic.say(text=b"muted")
        await room.ledger.until(lambda: room.plane.stats().get("drop-not-allowed", 0) == 1)
        await room.ledger.until(lambda: room.ledger.carried(bo.id) == set())
        assert not any(b"muted" in packet for packet in bo.rtp)

        room.plane.allow(ann.id, frozenset({"mic"}))
        while not any(b"again" in packet for packet in bo.rtp):
            await mic.say(text=b"again")
            await asyncio.sleep(FRAME)


async def test_a_lost_packet_is_repeated_from_the_memory_of_the_source() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": ("l",)})
        bo = await room.enter("bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await camera.shoot()
        await room.until_frames(bo, "l1", "l2")
        lost, payload = bo.received(bo.slot_ssrc("v0"))[1]

        await bo.send(rtcp.Nack(1, bo.slot_ssrc("v0"), (lost.seq,)).encode())
        await room.ledger.until(lambda: len(bo.received(bo.slot_ssrc("v0", rtx=True))) == 1)
        head, repeated = bo.received(bo.slot_ssrc("v0", rtx=True))[0]
        assert head.payload_type == RTX
        assert head.timestamp == lost.timestamp
        assert repeated == lost.seq.to_bytes(2, "big") + payload


async def test_a_gap_is_asked_for_upstream_and_its_repair_fills_it() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": ("l",)})
        bo = await room.enter("bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        lost = camera.lose("l")
        await camera.shoot()
        await room.ledger.until(lambda: any(isinstance(told, rtcp.Nack) for told in ann.rtcp))
        nack = next(told for told in ann.rtcp if isinstance(told, rtcp.Nack))
        assert (nack.media_ssrc, nack.seqs) == (camera.ssrc("l"), (parse(lost).seq,))

        await camera.repair(lost, "l")
        await room.until_frames(bo, "l1", "l3", "l2")
        first, third, second = (head.seq for head, _ in bo.received(bo.slot_ssrc("v0")))
        assert (second - first, third - second) == (1, 1)


async def test_lost_sound_is_asked_for_upstream_and_repeated_downstream() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"mic": ()})
        bo = await room.enter("bo")
        microphone, ssrc = Microphone(ann), bo.slot_ssrc("a0")
        async with asyncio.timeout(5):
            while not bo.received(ssrc):  # a voice is first heard, then given a slot
                await microphone.say(text=b"one")
                await asyncio.sleep(FRAME)
        lost = microphone.packet(text=b"two")
        await microphone.say(text=b"three")
        await room.ledger.until(lambda: any(isinstance(told, rtcp.Nack) for told in ann.rtcp))
        nack = next(told for told in ann.rtcp if isinstance(told, rtcp.Nack))
        assert nack.seqs == (parse(lost).seq,)
        await ann.send(lost)  # sound has no retransmission stream: the very same packet again

        await room.ledger.until(lambda: [text for _, text in bo.received(ssrc)][-3:] == [b"one", b"three", b"two"])
        first, third, second = (head.seq for head, _ in bo.received(ssrc)[-3:])
        assert (second - first, third - second) == (1, 1)
        raw = len(bo.wire.raw)
        await bo.send(rtcp.Nack(1, ssrc, (second,)).encode())
        # A peer's SRTP drops what it has had already, so the repetition is seen on the wire only.
        await room.ledger.until(
            lambda: any(128 <= data[0] < 192 and data[2:4] == second.to_bytes(2, "big") for data in bo.wire.raw[raw:])
        )


async def test_publishers_get_transport_feedback_and_receiver_reports() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        camera = Camera(ann)
        for _ in range(5):
            await camera.shoot(keyframe=True)
        await room.ledger.until(
            lambda: sum(len(told.deltas) for told in ann.rtcp if isinstance(told, twcc.TransportFeedback)) == 15
        )
        await room.ledger.until(lambda: any(isinstance(told, rtcp.ReceiverReport) for told in ann.rtcp))
        report = next(told for told in ann.rtcp if isinstance(told, rtcp.ReceiverReport))
        assert {block.ssrc for block in report.blocks} == {camera.ssrc(rid) for rid in LAYERS}
        assert all(block.lost == 0 for block in report.blocks)


async def test_whoever_begins_to_send_is_told_at_the_next_tick_how_it_arrives() -> None:
    def is_told(peer: WirePeer) -> bool:
        return any(isinstance(told, twcc.TransportFeedback) for told in peer.rtcp)

    async with cast() as room:
        people = [await room.enter(name, {"camera": ("l",)}) for name in ("ann", "bo", "cy", "di", "ed")]
        await asyncio.sleep(3 * TICK_SECONDS)  # nobody is new any more
        await asyncio.gather(*(Camera(person).shoot(keyframe=True) for person in people))
        await room.ledger.until(lambda: any(is_told(person) for person in people))
        for person in people:  # what was sent before the answer is there before it
            assert await person.check(nominate=False)
        assert all(is_told(person) for person in people)


async def test_slots_carry_sender_reports_on_the_server_clock() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": ("l",)})
        bo = await room.enter("bo")
        await Camera(ann, rids=("l",)).shoot(keyframe=True)
        await room.ledger.until(lambda: any(isinstance(told, rtcp.SenderReport) for told in bo.rtcp))
        report = next(told for told in bo.rtcp if isinstance(told, rtcp.SenderReport))
        head, _ = bo.received(bo.slot_ssrc("v0"))[0]
        assert report.ssrc == head.ssrc
        assert report.packets == 1
        assert 0 <= (report.rtp_timestamp - head.timestamp) % (1 << 32) < 90_000


async def test_a_viewers_picture_loss_reaches_the_publisher_of_what_he_sees() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": ("l",)})
        bo = await room.enter("bo")
        camera = Camera(ann, rids=("l",))
        await camera.shoot(keyframe=True)
        await room.until_frames(bo, "l1")
        ann.rtcp.clear()
        await bo.send(rtcp.Pli(1, bo.slot_ssrc("v0")).encode())
        await room.until_asked_for_keyframe(ann, camera.ssrc("l"))


async def test_wishes_come_first_and_tiles_stay_where_they_are() -> None:
    async with cast() as room:
        for name in ("ann", "bo", "cy"):
            await room.enter(name, {"camera": ("l",)})
        dee = await room.enter("dee", video=2)

        def carried() -> dict[str, str]:
            return {slot.mid: slot.peer for slot in room.ledger.slots[dee.id] if slot.peer}

        assert carried() == {"v0": "ann", "v1": "bo"}
        cy = room.peers[2]
        room.plane.watch(dee.id, [Want(cy.id, "camera", "low"), Want(room.peers[1].id, "camera", "low")])
        await room.ledger.until(lambda: carried() == {"v0": "cy", "v1": "bo"})


async def test_the_loudest_are_heard_and_levels_are_told() -> None:
    async with cast() as room:
        people = [await room.enter(f"p{index}", {"mic": ()}, audio=5) for index in range(7)]
        mics = [Microphone(peer) for peer in people]

        def heard() -> set[str]:
            return {peer for peer, _ in room.ledger.carried(people[6].id)}

        while len(heard()) < 5:
            for mic in mics[:6]:
                await mic.say(level=70)
            await asyncio.sleep(FRAME)
        left_out = next(peer for peer in people[:6] if peer.id not in heard())
        while left_out.id not in heard():
            for mic in mics[:6]:
                await mic.say(level=15 if mic.peer is left_out else 80)
            await asyncio.sleep(FRAME)
        await room.ledger.until(lambda: room.ledger.loudness.get(Circle("main"), ({}, None))[1] == left_out.id)
        assert all(peer.id not in {who for who, _ in room.ledger.carried(peer.id)} for peer in people)


async def test_a_reconnect_takes_the_place_of_the_old_connection() -> None:
    async with cast() as room:
        ann = await room.enter("ann", {"camera": ("l",)})
        bo = await room.enter("bo")
        await Camera(ann, rids=("l",)).shoot(keyframe=True)
        await room.until_frames(bo, "l1")

        room.ledger.connected.clear()
        again = WirePeer(room.room, "ann")
        await again.connect({"camera": ("l",)})
        camera = Camera(again, rids=("l",))
        camera.frame = 10
        await camera.shoot(keyframe=True)
        await room.until_frames(bo, "l1", "l11")
        assert room.ledger.gone == []
        assert room.plane.stats()["now-peers"] == 2


async def test_a_viewer_whose_link_cannot_carry_it_gets_a_smaller_picture() -> None:
    pace = Pace()
    async with cast(pace) as room:
        ann = await room.enter("ann", {"camera": LAYERS})
        bo = await room.enter("bo")
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        film = Film(ann, bo, pace, {"l": 100, "m": 300, "h": 1000})

        def shown() -> str:
            """The last layers that came, one letter each."""
            return "".join(frame[0] for frame in room.frames(bo)[-5:])

        await film.until(lambda: shown() == "hhhhh", narrow=False)
        await film.until(lambda: shown() == "lllll", narrow=True)


class Film:
    """A camera at its own pace, and a viewer who says that half of it was lost on a narrow link."""

    def __init__(self, publisher: WirePeer, viewer: WirePeer, pace: Pace, sizes: Mapping[str, int]) -> None:
        """`sizes`: payload bytes of a frame, by layer."""
        self._publisher, self._viewer = publisher, viewer
        self._camera = Camera(publisher)
        self._pace = pace
        self._sizes = sizes
        self._told = 0

    async def until(self, condition: Callable[[], bool], *, narrow: bool, seconds: float = 20) -> None:
        """So long at most, by the camera's clock."""
        for _ in range(round(seconds / FRAME)):
            if condition():
                return
            self._camera.frame += 1
            for rid, size in self._sizes.items():
                await self._publisher.send(self._camera.packet(rid, keyframe=True, size=size))
            await asyncio.sleep(FRAME)
            self._pace.passes(FRAME)
            arrived, self._told = self._viewer.rtp[self._told :], len(self._viewer.rtp)
            if arrived and narrow:
                await self._viewer.send(half_of(arrived))
        raise TimeoutError


async def test_a_link_that_does_not_carry_a_layer_gets_fewer_pictures_of_it() -> None:
    pace = Pace()
    async with cast(pace) as room:
        ann = await room.enter("ann", {"camera": ("l",)})
        bo = await room.enter("bo")
        cy = await room.enter("cy")
        room.plane.watch(bo.id, [Want(ann.id, "camera", "high")])
        recorded = Written()
        room.plane.record(ann.id, "camera", recorded)
        camera = Camera(ann, rids=("l",))
        told = 0

        async def shoot_until(apart: set[int], *, narrow: bool) -> None:
            """Until the last pictures that came are so many apart; 14 s at most by the camera's clock."""
            nonlocal told
            for _ in range(round(14 / FRAME)):
                camera.frame += 1
                await ann.send(camera.packet("l", keyframe=camera.frame == 1, size=400, layered=True))
                await asyncio.sleep(FRAME)
                pace.passes(FRAME)
                arrived, told = bo.rtp[told:], len(bo.rtp)
                if arrived and narrow:
                    await bo.send(half_of(arrived))
                numbers = [int(frame[1:]) for frame in room.frames(bo)[-6:]]
                steps = {after - before for before, after in pairwise(numbers)}
                if len(numbers) == 6 and len(steps) == 1 and steps <= apart:
                    return
            raise TimeoutError

        await shoot_until({1}, narrow=False)
        await shoot_until({2, 4}, narrow=True)
        heads = [head for head, _ in bo.received(bo.slot_ssrc("v0"))]
        assert [(head.seq - heads[0].seq) % (1 << 16) for head in heads] == list(range(len(heads)))
        everything = [f"l{number}" for number in range(1, camera.frame + 1)]
        await room.until_frames(cy, *everything)
        room.plane.stop_recording(ann.id, "camera")
        assert recorded.frames == len(everything)


class Written:
    """A sink that counts."""

    def __init__(self) -> None:
        self.frames = 0

    def write(self, frame: Frame) -> None:
        self.frames += 1

    def close(self) -> None:
        pass


def half_of(packets: list[bytes]) -> bytes:
    """Feedback that every other packet was lost on the way."""
    stamps = [int.from_bytes(parse(packet).extensions[TWCC_ID], "big") for packet in packets]
    deltas = tuple(0 if index % 2 else None for index, _ in enumerate(stamps))
    return twcc.TransportFeedback(1, 1, stamps[0], 1, 0, deltas).encode()
