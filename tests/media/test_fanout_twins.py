"""The compiled fan-out and the Python one are twins: the same bytes to the same viewers, whatever is sent to whom."""

from __future__ import annotations

import ctypes
import errno
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from pylibsrtp import Error, Policy, Session

from server.media.fanout import Departures, FanOut
from server.media.fanout.best import open_fan_out, why_not_native
from server.media.fanout.pure import PureFanOut
from server.media.net.dtls import Fingerprint, Identity
from server.media.net.ice import Credentials
from server.media.net.link import Link
from server.media.net.srtp import PROFILES, SrtpPair
from server.media.net.udpmux import UdpMux, UdpPath
from server.media.plane import UdpPlane
from server.media.rtp import header
from server.media.rtp.rewrite import StreamRewriter
from server.media.rtp.source import Packet
from server.media.slot import Slot
from tests.media.peers import Ledger
from tests.media.rtp_sender import AudioSender, VideoSender
from tests.media.test_fanout import Deaf

HOST = "127.0.0.1"
if why_not_native():
    pytest.skip(why_not_native(), allow_module_level=True)

from server.media.native.fanout import NativeFanOut  # noqa: E402


class Burst(Struct, frozen=True):
    """What arrives at once: frames of the pictures (packets, keyframe), sounds, and what a viewer has lost.

    `late` holds the last packets back until the next burst is through, perhaps with a switch.
    """

    frames: tuple[tuple[int, bool], ...]
    sounds: int
    lost: tuple[int, ...]
    switch: bool
    stop: bool
    late: bool


class Plan(Struct, frozen=True):
    """Where the numbers begin, so that some wrap soon, and what comes."""

    seq: int
    timestamp: int
    picture: int
    first_seq: int
    short_ids: bool
    has_rtx: bool
    has_twcc: bool
    bursts: tuple[Burst, ...]


near_the_wrap = st.sampled_from([0, 1, 65_530, 65_535])
bursts = st.builds(
    Burst,
    frames=st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=3).map(tuple),
    sounds=st.integers(0, 3),
    lost=st.lists(st.integers(0, 30), max_size=3).map(tuple),
    switch=st.booleans(),
    stop=st.integers(0, 9).map(lambda dice: dice == 0),
    late=st.booleans(),
)
plans = st.builds(
    Plan,
    seq=near_the_wrap,
    timestamp=st.sampled_from([0, (1 << 32) - 4000]),
    picture=st.sampled_from([0, 126, 32_766]),
    first_seq=st.sampled_from([0, 32_767]),
    short_ids=st.booleans(),
    has_rtx=st.booleans(),
    has_twcc=st.booleans(),
    bursts=st.lists(bursts, min_size=1, max_size=8).map(tuple),
)


class Stage:
    """One server socket, some viewers with a picture and a sound slot each, and one of the fan-outs."""

    def __init__(self, exit_: ExitStack, native: bool, profiles: list[int], plan: Plan) -> None:
        udp = exit_.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind((HOST, 0))
        mux = UdpMux(udp, lambda: 0, Counter())
        self.counts: Counter[str] = Counter()
        self.fan_out: FanOut = open_fan_out(mux, self.counts) if native else PureFanOut(mux, self.counts)
        self.sockets: list[socket.socket] = []
        self.departures: list[Departures] = []
        self.pictures: list[Slot] = []
        self.sounds: list[Slot] = []
        for index, number in enumerate(profiles):
            viewer = exit_.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            viewer.bind((HOST, 0))
            viewer.setblocking(False)
            self.sockets.append(viewer)
            link = Link(IDENTITY, Credentials("abcd", "x" * 22), [Fingerprint("sha-256", "AA")], Deaf(), Counter(), 0)
            link.srtp = SrtpPair(PROFILES[number], material(index))
            link.ice.selected = UdpPath(mux, viewer.getsockname())
            departures = Departures(link)
            departures.log.next_seq = plan.seq
            self.departures.append(departures)
            twcc_id = 3 if plan.has_twcc else 0
            picture = StreamRewriter(
                100 + index,
                96,
                90_000,
                waits_for_keyframe=True,
                twcc_id=twcc_id,
                kept_id=5,
                rtx_ssrc=200 + index if plan.has_rtx else 0,
                rtx_payload_type=97,
                first_seq=plan.first_seq,
                first_timestamp=plan.timestamp,
            )
            sound = StreamRewriter(300 + index, 111, 48_000, waits_for_keyframe=False, twcc_id=twcc_id, kept_id=5)
            self.pictures.append(Slot("v", "video", departures, picture, {}))
            self.sounds.append(Slot("a", "audio", departures, sound, {}))

    def received(self) -> list[list[bytes]]:
        """What came to each viewer since the last time, protected as it is."""
        return [list(waiting(viewer)) for viewer in self.sockets]

    def rewriters(self) -> list[StreamRewriter]:
        return [slot.rewriter for slot in (*self.pictures, *self.sounds)]


class Stream:
    """A stream and its slots, as the fan-out sees it."""

    def __init__(self, slots: list[Slot]) -> None:
        self.slots = slots


IDENTITY = Identity()


def material(index: int) -> bytes:
    return bytes((index * 7 + byte) & 0xFF for byte in range(88))


def waiting(viewer: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield viewer.recv(4096)
        except BlockingIOError:
            return


def receiver(profile: int, index: int) -> Session:
    """The viewer's own SRTP, which refuses what is forged, repeated or out of its place."""
    of = PROFILES[profile]
    keys = material(index)[: 2 * (of.key_bytes + of.salt_bytes)]
    salts = 2 * of.key_bytes
    key = keys[of.key_bytes : salts] + keys[salts + of.salt_bytes :]
    policy = Policy(key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=of.number)
    policy.window_size = 1024
    return Session(policy)


def state(rewriter: StreamRewriter) -> list[object]:
    return [getattr(rewriter, name) for name in StreamRewriter.__slots__]


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans, profiles=st.lists(st.integers(0, len(PROFILES) - 1), min_size=1, max_size=4))
def test_both_send_the_same_bytes_and_every_viewer_can_open_them(plan: Plan, profiles: list[int]) -> None:
    with ExitStack() as exit_:
        stages = [Stage(exit_, native, profiles, plan) for native in (False, True)]
        cameras = [
            VideoSender(
                source, seq=plan.seq, timestamp=plan.timestamp, picture=plan.picture, tl0=254, short_ids=plan.short_ids
            )
            for source in (1, 2)
        ]
        voice = AudioSender(3, seq=plan.seq, timestamp=plan.timestamp)
        for stage in stages:
            for slot in stage.pictures:
                slot.rewriter.switch(1)
            for slot in stage.sounds:
                slot.rewriter.switch(3)
        receivers = [receiver(profile, index) for index, profile in enumerate(profiles)]
        late: list[Packet] = []
        for turn, burst in enumerate(plan.bursts):
            frames = [
                camera.take(*camera.frame(packets, keyframe=keyframe))
                for packets, keyframe in burst.frames
                for camera in cameras
            ]
            frames += [[packet] for packet in late]
            late = [frame.pop() for frame in frames[:2] if len(frame) > 1] if burst.late else []
            sounds = voice.take(*(voice.sound(20 + turn) for _ in range(burst.sounds)))
            for stage in stages:
                ask_for(stage, burst, cameras)
                flows = [(Stream(stage.pictures), frame) for frame in frames]
                flows += [(Stream(stage.sounds), sounds)] if sounds else []
                repeating = [departures for departures in stage.departures if departures.parcels]
                stage.fan_out.send(repeating, flows, 1000 + turn)
            pure, native = (stage.received() for stage in stages)
            assert pure == native
            for datagrams, session in zip(native, receivers, strict=True):
                for datagram in datagrams:
                    opened = open_with(session, datagram)
                    if opened is None:
                        assert not plan.has_rtx
                        assert burst.lost
                    else:
                        assert header.parse(opened).payload_type in (96, 97, 111)
        pure_stage, native_stage = stages
        assert pure_stage.counts == native_stage.counts
        for one, other in zip(pure_stage.rewriters(), native_stage.rewriters(), strict=True):
            assert state(one) == state(other)
        for mine, theirs in zip(pure_stage.departures, native_stage.departures, strict=True):
            assert mine.parcels == theirs.parcels == []
            for name in ("next_seq", "total_bytes", "sizes", "times_us", "fates"):
                assert getattr(mine.log, name) == getattr(theirs.log, name)


def ask_for(stage: Stage, burst: Burst, cameras: list[VideoSender]) -> None:
    """Some viewers change to the other camera or stop, and the first one has lost packets."""
    rewriters = [slot.rewriter for slot in stage.pictures]
    if burst.switch:
        for rewriter in rewriters[::2]:
            rewriter.switch(2 if rewriter.source == 1 else 1)
    if burst.stop:
        rewriters[-1].stop()
    rewriter, departures = rewriters[0], stage.departures[0]
    for back in burst.lost:
        last = rewriter._last
        origin = rewriter.origin(last.number + rewriter._seq_offset - back & 0xFFFF) if last is not None else None
        packet = cameras[origin.source - 1].stream.recall(origin.number) if origin is not None else None
        if packet is not None:
            departures.parcels.append((rewriter, (packet,), True))


def open_with(session: Session, datagram: bytes) -> bytes | None:
    """The packet inside; None for an exact repetition of one that was not lost."""
    try:
        opened: bytes = session.unprotect(datagram)
    except Error as refusal:
        if "replay" not in str(refusal):
            raise
        return None
    return opened


def test_a_viewer_over_tcp_gets_the_same_from_both() -> None:
    sent = []
    plan = Plan(0, 0, 0, 0, False, True, True, ())
    for native in (False, True):
        with ExitStack() as exit_:
            stage = Stage(exit_, native, [0, 0, 1], plan)
            stream = stage.departures[1].link.ice.selected = Recorded()
            camera = VideoSender(1)
            frame = camera.take(*camera.frame(5, keyframe=True))
            for slot in stage.pictures:
                slot.rewriter.switch(1)
            stage.fan_out.send([], [(Stream(stage.pictures), frame)], 7)
            sent.append((stream.sent, stage.received(), stage.counts))
            assert len(stream.sent) == 5
    assert sent[0] == sent[1]


class Recorded:
    """A path that is not UDP."""

    address = (HOST, 1)

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, datagram: bytes) -> None:
        self.sent.append(datagram)

    def close(self) -> None: ...


def test_more_packets_and_viewers_than_fit_into_one_flush_all_arrive() -> None:
    with ExitStack() as exit_:
        stages = [Stage(exit_, native, [0] * 150, Plan(0, 0, 0, 0, False, True, True, ())) for native in (False, True)]
        camera = VideoSender(1)
        frames = [camera.take(*camera.frame(7, keyframe=turn == 0)) for turn in range(80)]
        for stage in stages:
            for slot in stage.pictures:
                slot.rewriter.switch(1)
            flows = [(Stream(stage.pictures[:2]), frame) for frame in frames]
            stage.fan_out.send([], [*flows, (Stream(stage.pictures[2:]), frames[0])], 7)
        pure, native = (stage.received() for stage in stages)
        assert [len(datagrams) for datagrams in native] == [560] * 2 + [7] * 148
        assert pure == native


def test_a_burst_of_one_stream_goes_to_all_who_are_connected() -> None:
    with ExitStack() as exit_:
        stages = [Stage(exit_, native, [0] * 40, Plan(0, 0, 0, 0, False, True, True, ())) for native in (False, True)]
        camera = VideoSender(1)
        frames = [camera.take(*camera.frame(40, keyframe=turn == 0)) for turn in range(4)]
        for stage in stages:
            for slot in stage.pictures:
                slot.rewriter.switch(1)
            stage.departures[7].link.srtp = None
            stage.departures[39].link.ice.selected = None
            for frame in frames:
                stage.fan_out.send([], [(Stream(stage.pictures), frame)], 7)
        pure, native = (stage.received() for stage in stages)
        assert [len(datagrams) for datagrams in native] == [0 if index in (7, 39) else 160 for index in range(40)]
        assert pure == native
        assert stages[0].counts == stages[1].counts
        assert stages[1].counts["drop-not-connected"] == 320


SENDMMSG = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, use_errno=True)


class Kernel:
    """A `sendmmsg` that refuses with an error: everything, or only runs (their control message lies 32 bytes in)."""

    def __init__(self, code: int, *, only_runs: bool) -> None:
        libc = ctypes.CDLL(None, use_errno=True)

        def send(fd: int, messages: int, count: int, flags: int) -> int:
            if not only_runs or ctypes.c_uint64.from_address(messages + 32).value:
                ctypes.set_errno(code)
                return -1
            return int(libc.sendmmsg(fd, ctypes.c_void_p(messages), 1, flags))

        self._function = SENDMMSG(send)
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0


def sent_natively(kernel: Kernel | None, way: int = 2) -> tuple[NativeFanOut, Counter[str], list[int]]:
    """Two bursts of three packets to two viewers; what each viewer got."""
    plan = Plan(0, 0, 0, 0, False, True, True, ())
    with ExitStack() as exit_:
        stage = Stage(exit_, True, [0, 2], plan)
        mux = stage.departures[0].link.ice.selected._mux  # type: ignore[union-attr]
        counts: Counter[str] = Counter()
        fan_out = NativeFanOut(mux, counts, way, kernel.address if kernel else 0)
        camera = VideoSender(1)
        for slot in stage.pictures:
            slot.rewriter.switch(1)
        for turn in range(2):
            frame = camera.take(*camera.frame(3, keyframe=turn == 0))
            fan_out.send([], [(Stream(stage.pictures), frame)], 7)
        return fan_out, counts, [len(datagrams) for datagrams in stage.received()]


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP])
def test_natively_too_a_refusal_of_segmentation_is_final_and_costs_no_packet(code: int) -> None:
    fan_out, counts, got = sent_natively(Kernel(code, only_runs=True))
    assert got == [6, 6]
    assert (fan_out.way, fan_out.gso) == (1, False)
    assert counts == {"rtp-out": 12, "gso-refused": 1}


def test_where_there_is_no_sendmmsg_packets_go_one_by_one() -> None:
    fan_out, _, got = sent_natively(Kernel(errno.ENOSYS, only_runs=False), way=1)
    assert got == [6, 6]
    assert fan_out.way == 0


@pytest.mark.parametrize("way", [0, 1, 2])
def test_every_way_delivers(way: int) -> None:
    fan_out, counts, got = sent_natively(None, way)
    assert (got, fan_out.way, counts) == ([6, 6], way, {"rtp-out": 12})


def test_natively_too_a_full_send_buffer_drops_and_counts() -> None:
    _, counts, got = sent_natively(Kernel(errno.EAGAIN, only_runs=False))
    assert got == [0, 0]
    assert counts["send-EAGAIN"] > 0
    assert counts["send-EAGAIN"] + counts["drop-send-buffer"] == 12


def test_the_kernel_itself_refuses_segments_without_checksums() -> None:
    so_no_check = 11
    with ExitStack() as exit_:
        stage = Stage(exit_, True, [0], Plan(0, 0, 0, 0, False, True, True, ()))
        mux = stage.departures[0].link.ice.selected._mux  # type: ignore[union-attr]
        mux.socket.setsockopt(socket.SOL_SOCKET, so_no_check, 1)
        camera = VideoSender(1)
        stage.pictures[0].rewriter.switch(1)
        stage.fan_out.send([], [(Stream(stage.pictures), camera.take(*camera.frame(5, keyframe=True)))], 7)
        assert [len(datagrams) for datagrams in stage.received()] == [5]
        assert not stage.fan_out.gso


async def test_the_plane_tells_which_fan_out_it_uses() -> None:
    for make, native in ((open_fan_out, 1), (PureFanOut, 0)):
        plane = await UdpPlane.open(HOST, 0, HOST, Ledger(), fan_out=make)
        stats = plane.stats()
        await plane.close()
        assert (stats["now-fanout-native"], stats["now-fanout-gso"]) == (native, 1)
