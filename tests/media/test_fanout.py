"""One call sends a burst to all viewers: what arrives is what was meant, whatever the kernel refuses."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pylibsrtp import Policy, Session

from server.media.fanout import Departures
from server.media.fanout.pure import PureFanOut, SendMessages
from server.media.net.dtls import Fingerprint, Identity
from server.media.net.ice import Credentials, Path
from server.media.net.link import Link, Lost
from server.media.net.srtp import PROFILES, SrtpPair
from server.media.net.udpmux import UdpMux, UdpPath
from server.media.rtp import header
from server.media.rtp.rewrite import StreamRewriter
from server.media.rtp.source import Packet, SourceStream

HOST = "127.0.0.1"
MATERIAL = bytes(range(56))


class Deaf:
    """A LinkListener that expects nothing."""

    def link_up(self) -> None: ...
    def link_lost(self, reason: Lost) -> None: ...
    def rtp(self, packet: bytes, parsed: header.Header, arrival_us: int) -> None: ...
    def rtcp(self, compound: bytes, arrival_us: int) -> None: ...


class Viewer:
    """A socket that can open what the fan-out protects."""

    def __init__(self, mux: UdpMux, ssrc: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        link = Link(Identity(), Credentials("abcd", "x" * 22), [Fingerprint("sha-256", "AA")], Deaf(), Counter(), 0)
        link.srtp = SrtpPair(PROFILES[0], MATERIAL)
        link.ice.selected = UdpPath(mux, self.socket.getsockname())
        self.departures = Departures(link)
        self.rewriter = StreamRewriter(ssrc, 96, 90_000, waits_for_keyframe=True, twcc_id=3)
        self.rewriter.switch(1)
        key = MATERIAL[16:32] + MATERIAL[44:56]
        self._srtp = Session(
            Policy(key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
        )

    def queue(self, packets: list[Packet]) -> None:
        self.departures.parcels.append((self.rewriter, packets, False))

    def receive(self) -> list[bytes]:
        """The payloads that arrived, without the picture id, which is the viewer's own."""
        payloads: list[bytes] = []
        while True:
            try:
                packet = self._srtp.unprotect(self.socket.recv(2048))
            except BlockingIOError:
                return payloads
            payloads.append(packet[header.parse(packet).payload_start + 4 :])


def pictures(sizes: list[int]) -> list[Packet]:
    """Packets of these payload sizes, the first of a keyframe."""
    stream = SourceStream(1, codec="vp8")
    packets = []
    for number, size in enumerate(sizes):
        start = b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xb4\x00" if number == 0 else b"\x11"
        payload = (bytes((0x90, 0x80, 0x80, number & 0x7F)) + start).ljust(size, bytes((number & 0xFF,)))
        datagram = header.build(96, number, 0, 7, payload)
        packet = stream.accept(datagram, header.parse(datagram), number)
        if packet is not None:
            packets.append(packet)
    return packets


@pytest.fixture
def port() -> Iterator[UdpMux]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((HOST, 0))
        yield UdpMux(udp, lambda: 0, Counter())


Audience = Callable[[int], list[Viewer]]


@pytest.fixture
def audience(port: UdpMux) -> Iterator[Audience]:
    """Makes so many viewers."""
    with ExitStack() as sockets:

        def make(count: int) -> list[Viewer]:
            viewers = [Viewer(port, 1000 + index) for index in range(count)]
            for viewer in viewers:
                sockets.enter_context(viewer.socket)
            return viewers

        yield make


SIZES = [
    [100],
    [100, 100, 100, 50],
    [50, 100, 100],
    [100, 100, 50, 100, 100],
    [1200, 1199, 1200, 1200, 700],
    [1100] * 60,
    [60] * 700,
]


def refusing(code: int, *, only_runs: bool) -> SendMessages:
    """The kernel's sendmmsg that refuses messages: all, or those with a control message (GSO)."""
    libc = ctypes.CDLL(None, use_errno=True)

    def send(fd: int, messages: ctypes.c_void_p, count: int, flags: int) -> int:
        control = ctypes.c_uint64.from_address((messages.value or 0) + 32).value
        if control or not only_runs:
            ctypes.set_errno(code)
            return -1
        return int(libc.sendmmsg(fd, messages, 1, flags))

    return send


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(
    "make",
    [
        lambda mux, counts: PureFanOut(mux, counts),
        lambda mux, counts: PureFanOut(mux, counts, refusing(errno.EIO, only_runs=True)),
        lambda mux, counts: PureFanOut(mux, counts, None),
    ],
    ids=["gso", "gso-refused", "sendto"],
)
def test_every_viewer_gets_every_packet_in_order(
    port: UdpMux, audience: Audience, sizes: list[int], make: Callable[[UdpMux, Counter[str]], PureFanOut]
) -> None:
    counts: Counter[str] = Counter()
    fan_out = make(port, counts)
    viewers = audience(3)
    packets = pictures(sizes)
    received: list[list[bytes]] = [[] for _ in viewers]
    for burst in range(0, len(packets), 200):
        for viewer in viewers:
            viewer.queue(packets[burst : burst + 200])
        fan_out.send([viewer.departures for viewer in viewers], [], 0)
        for got, viewer in zip(received, viewers, strict=True):
            got += viewer.receive()
    expected = [bytes(packet.payload[4:]) for packet in packets]
    assert received == [expected] * 3
    for viewer in viewers:
        assert viewer.departures.parcels == []
        assert viewer.departures.log.next_seq == len(packets)
    assert counts["rtp-out"] == 3 * len(packets)


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP])
def test_a_refusal_of_segmentation_is_final(port: UdpMux, audience: Audience, code: int) -> None:
    counts: Counter[str] = Counter()
    fan_out = PureFanOut(port, counts, refusing(code, only_runs=True))
    (viewer,) = audience(1)
    viewer.queue(pictures([100, 100, 100]))
    fan_out.send([viewer.departures], [], 0)
    assert len(viewer.receive()) == 3
    assert not fan_out.gso
    assert counts["gso-refused"] == 1


def test_a_full_send_buffer_drops_and_counts(port: UdpMux, audience: Audience) -> None:
    counts: Counter[str] = Counter()
    fan_out = PureFanOut(port, counts, refusing(errno.EAGAIN, only_runs=False))
    viewers = audience(3)
    for viewer in viewers:
        viewer.queue(pictures([100, 100]))
    fan_out.send([viewer.departures for viewer in viewers], [], 0)
    assert counts["send-EAGAIN"] == 2
    assert counts["drop-send-buffer"] == 4
    for viewer in viewers:
        assert viewer.receive() == []


def test_one_unreachable_viewer_does_not_keep_the_others_waiting(port: UdpMux, audience: Audience) -> None:
    counts: Counter[str] = Counter()
    fan_out = PureFanOut(port, counts)
    lost, fine = audience(2)
    lost.departures.link.ice.selected = UdpPath(port, ("255.255.255.255", 9))  # EACCES without SO_BROADCAST
    for viewer in (lost, fine):
        viewer.queue(pictures([100, 100]))
    fan_out.send([lost.departures, fine.departures], [], 0)
    assert len(fine.receive()) == 2
    assert counts["send-EACCES"] == 2


class Stream(Path):
    """A TCP path."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    @property
    def address(self) -> tuple[str, int]:
        return (HOST, 1)

    def send(self, datagram: bytes) -> None:
        self.sent.append(datagram)

    def close(self) -> None: ...


def test_tcp_paths_get_single_packets_between_udp_ones(port: UdpMux, audience: Audience) -> None:
    fan_out = PureFanOut(port, Counter())
    viewers = audience(3)
    stream = viewers[1].departures.link.ice.selected = Stream()
    for viewer in viewers:
        viewer.queue(pictures([100, 100]))
    fan_out.send([viewer.departures for viewer in viewers], [], 0)
    assert len(stream.sent) == 2
    assert [len(viewer.receive()) for viewer in viewers] == [2, 0, 2]


def test_a_viewer_without_keys_or_path_gets_nothing(port: UdpMux, audience: Audience) -> None:
    counts: Counter[str] = Counter()
    (viewer,) = audience(1)
    viewer.departures.link.ice.selected = None
    viewer.queue(pictures([100]))
    PureFanOut(port, counts).send([viewer.departures], [], 0)
    assert counts["drop-not-connected"] == 1
    assert viewer.departures.parcels == []


def test_protected_packets_differ_from_viewer_to_viewer(port: UdpMux, audience: Audience) -> None:
    viewers = audience(2)
    viewers[1].departures.link.srtp = SrtpPair(PROFILES[0], os.urandom(56))
    for viewer in viewers:
        viewer.queue(pictures([100]))
    PureFanOut(port, Counter()).send([viewer.departures for viewer in viewers], [], 0)
    first, second = (viewer.socket.recv(2048) for viewer in viewers)
    assert first[24:] != second[24:]
