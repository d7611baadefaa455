"""The compiled intake and the Python one are twins: of the same datagrams they make the same packets and counts."""

from __future__ import annotations

import ctypes
import errno
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from server.media.net.best import open_intake, why_not_native
from server.media.net.dtls import Fingerprint, Identity
from server.media.net.ice import Credentials
from server.media.net.intake import MOST_DATAGRAMS, SO_TIMESTAMPNS, Open, PureIntake
from server.media.net.link import Link, Lost
from server.media.net.srtp import PROFILES, SrtpPair
from server.media.net.udpmux import UdpMux, UdpPath
from server.media.rtp import header, rtcp
from server.media.rtp.header import Header

if why_not_native():
    pytest.skip(why_not_native(), allow_module_level=True)

from server.media.native import intake as native

HOST = "127.0.0.1"
RECVMMSG = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, use_errno=True
)
IDENTITY = Identity()
NOW_US = 1_000_000_000


class Ear:
    """A LinkListener that writes down what it hears. On a packet with the payload b"bad" it fails."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Header | None, int]] = []

    def link_up(self) -> None: ...
    def link_lost(self, reason: Lost) -> None: ...

    def rtp(self, packet: bytes, header: Header, arrival_us: int) -> None:
        if packet.endswith(b"bad"):
            raise RuntimeError("bad")
        self.heard.append((packet, header, arrival_us))

    def rtcp(self, compound: bytes, arrival_us: int) -> None:
        self.heard.append((compound, None, arrival_us))


class Stage:
    """A mux on a port of its own, and two peers it knows: one with keys, and one who has not got that far."""

    def __init__(self, exit_: ExitStack, intake: Open, peers: list[socket.socket], profile: int, host: str) -> None:
        self.udp = exit_.enter_context(socket.socket(peers[0].family, socket.SOCK_DGRAM))
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.setblocking(False)
        self.udp.bind((host, 0))
        self.address = (host, self.udp.getsockname()[1])
        self.now_us = NOW_US
        self.counts: Counter[str] = Counter()
        self.mux = UdpMux(self.udp, lambda: self.now_us, self.counts, intake)
        self.ear = Ear()
        self.links = [
            Link(IDENTITY, Credentials("abcd", "x" * 22), [Fingerprint("sha-256", "AA")], self.ear, self.counts, 0)
            for _ in peers
        ]
        for peer, link in zip(peers, self.links, strict=True):
            self.mux._by_address[peer.getsockname()] = (link, UdpPath(self.mux, peer.getsockname()))
        self.links[0].srtp = SrtpPair(PROFILES[profile], MATERIAL)


MATERIAL = bytes(range(14)) * 8
"""Long enough for every profile. What one side sends under these keys the other opens with them: see `keys`."""


def keys(profile: int) -> bytes:
    """The same material with client and server in each other's place."""
    of = PROFILES[profile]
    key, salt = of.key_bytes, of.salt_bytes
    salts = MATERIAL[2 * key : 2 * (key + salt)]
    return MATERIAL[key : 2 * key] + MATERIAL[:key] + salts[salt:] + salts[:salt]


class Sent(Struct, frozen=True):
    """One datagram: `who` is 0 the peer with keys, 1 the one without, 2 a stranger."""

    who: int
    kind: str
    body: bytes
    ssrc: int
    number: int
    first: int


extension_blocks = st.one_of(
    st.just(b""),
    st.binary(max_size=24).map(lambda body: b"\xbe\xde\x00\x06" + body.ljust(24, b"\0")),
    st.binary(max_size=24).map(lambda body: b"\x10\x05\x00\x06" + body.ljust(24, b"\0")),
    st.just(b"\xbe\xde\x00\x02\x32\x00\x01\x02\x50\x7f\x00\x00"),
    st.binary(min_size=4, max_size=4),
)
packets = st.builds(
    Sent,
    who=st.sampled_from([0, 0, 0, 0, 1, 2]),
    kind=st.sampled_from(["rtp", "rtp", "rtp", "again", "forged", "rtcp", "noise", "short", "long", "bad"]),
    body=st.tuples(extension_blocks, st.binary(max_size=40)).map(lambda parts: b"".join(parts)),
    ssrc=st.integers(1, 4),
    number=st.integers(0, 40),
    first=st.integers(0, 255),
)


class Voice:
    """Makes the datagrams of a plan, once for both stages."""

    def __init__(self, profile: int) -> None:
        self._srtp = SrtpPair(PROFILES[profile], keys(profile))
        self._before = bytes(30)

    def datagram(self, sent: Sent) -> bytes:
        match sent.kind:
            case "noise":
                return bytes((sent.first,)) + sent.body
            case "short":
                return bytes((sent.first,)) + sent.body[:10]
            case "long":
                return bytes((sent.first,)) + bytes(1500 + 40 * sent.number)
            case "rtcp":
                return self._srtp.protect_rtcp(rtcp.Pli(sent.ssrc, 7).encode())
            case "again":
                return self._before
            case "forged":
                return self._before[:-1] + bytes((self._before[-1] ^ 1,))
        has_extension = sent.body[:2] == b"\xbe\xde" or sent.first & 0x10
        head = 0x80 | (0x10 if has_extension else 0) | sent.first & 0x2F
        fixed = header.FIXED.pack(head, 96 | sent.first & 0x80, sent.number, 5, sent.ssrc)
        packet = fixed + sent.body + (b"bad" if sent.kind == "bad" else b"")
        try:
            self._before = self._srtp.protect(packet)
        except ValueError:  # libsrtp itself looks for the end of the header
            self._before = packet
        return self._before


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    bursts=st.lists(st.lists(packets, max_size=40), min_size=1, max_size=4),
    profile=st.integers(0, len(PROFILES) - 1),
    left=st.sampled_from([0, 3, 5000]),
)
def test_both_make_the_same_of_every_datagram(bursts: list[list[Sent]], profile: int, left: int) -> None:
    with ExitStack() as exit_:
        people = [exit_.enter_context(peer) for peer in open_peers(3)]
        stages = [Stage(exit_, intake, people[:2], profile, HOST) for intake in (PureIntake, open_intake)]
        for stage in stages:
            stage.links[0]._second_us, stage.links[0]._media_left, stage.links[0]._rtcp_left = NOW_US + 1, left, 2
        voice = Voice(profile)
        for burst in bursts:
            for sent in burst:
                datagram = voice.datagram(sent)
                for stage in stages:
                    people[sent.who].sendto(datagram, stage.address)
            for stage in stages:
                stage.mux.drain()
                stage.now_us += 400_000
            pure, compiled = stages
            assert pure.ear.heard == compiled.ear.heard
            assert pure.counts == compiled.counts
            for mine, theirs in zip(pure.links, compiled.links, strict=True):
                for name in ("_second_us", "_media_left", "_rtcp_left"):
                    assert getattr(mine, name) == getattr(theirs, name)


def open_peers(count: int, host: str = HOST) -> Iterator[socket.socket]:
    for _ in range(count):
        peer = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind((host, 0))
        yield peer


with_extensions = st.tuples(st.binary(min_size=12, max_size=12), extension_blocks).map(b"".join)


@given(st.binary(max_size=80) | with_extensions)
def test_both_read_the_same_in_any_bytes(noise: bytes) -> None:
    for packet in (noise, b"\x90" + noise[1:], b"\xb0" + noise[1:] + b"\x01"):
        assert read_by(header.parse, packet) == read_by(native.parse, packet)


def read_by(parse: object, packet: bytes) -> Header | None:
    assert callable(parse)
    try:
        found = parse(packet)
    except ValueError:
        return None
    assert isinstance(found, Header)
    return found


@pytest.mark.parametrize("intake", [PureIntake, open_intake])
@pytest.mark.parametrize(("bound", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "::ffff:127.0.0.1")])
def test_a_sender_is_named_as_sockets_name_it(intake: Open, bound: str, host: str) -> None:
    with ExitStack() as exit_:
        (peer,) = (exit_.enter_context(one) for one in open_peers(1, host))
        stage = Stage(exit_, intake, [peer], 0, bound)
        peer.sendto(Voice(0).datagram(Sent(0, "rtp", b"", 1, 1, 0)), (host, stage.address[1]))
        stage.mux.drain()
        assert len(stage.ear.heard) == 1
        assert not stage.counts


@pytest.mark.parametrize("intake", [PureIntake, open_intake])
def test_the_arrival_is_the_kernel_s_unless_the_clock_was_set(intake: Open) -> None:
    with ExitStack() as exit_:
        (peer,) = (exit_.enter_context(one) for one in open_peers(1))
        stage = Stage(exit_, intake, [peer], 0, HOST)
        stage.udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        voice = Voice(0)
        arrivals = []
        for number, waited_us in enumerate((50_000, -900_000, 5_000_000, -5_000_000)):
            before_us = time.time_ns() // 1000
            peer.sendto(voice.datagram(Sent(0, "rtp", b"", 1, number, 0)), stage.address)
            after_us = time.time_ns() // 1000
            stage.mux.intake.drain(NOW_US, before_us + waited_us)
            _, _, arrival_us = stage.ear.heard[-1]
            arrivals.append(0 <= arrival_us - (NOW_US - waited_us) <= after_us - before_us)
            arrivals.append(arrival_us == NOW_US)
        assert arrivals == [True, False, True, False, False, True, False, True]


@pytest.mark.parametrize("intake", [PureIntake, open_intake])
def test_a_flood_is_read_in_portions(intake: Open) -> None:
    with ExitStack() as exit_:
        (peer,) = (exit_.enter_context(one) for one in open_peers(1))
        stage = Stage(exit_, intake, [peer], 0, HOST)
        voice = Voice(0)
        for number in range(MOST_DATAGRAMS + 40):
            peer.sendto(voice.datagram(Sent(0, "rtp", b"", 1, number, 0)), stage.address)
        stage.mux.drain()
        assert len(stage.ear.heard) == MOST_DATAGRAMS
        stage.mux.drain()
        assert len(stage.ear.heard) == MOST_DATAGRAMS + 40
        stage.mux.drain()
        assert stage.counts == {}


def test_without_recvmmsg_datagrams_are_read_one_by_one() -> None:
    def refuse(fd: int, messages: int, count: int, flags: int, timeout: int) -> int:
        ctypes.set_errno(errno.ENOSYS)
        return -1

    refusing = RECVMMSG(refuse)
    at = ctypes.cast(refusing, ctypes.c_void_p).value or 0
    with ExitStack() as exit_:
        (peer,) = (exit_.enter_context(one) for one in open_peers(1))
        stage = Stage(exit_, partial(native.NativeIntake, recvmmsg_at=at), [peer], 0, HOST)
        voice = Voice(0)
        for number in range(5):
            peer.sendto(voice.datagram(Sent(0, "rtp", bytes(number), 1, number, 0)), stage.address)
        stage.mux.drain()
        assert [len(packet) for packet, _, _ in stage.ear.heard] == [12, 13, 14, 15, 16]
        assert stage.counts == {}


def test_an_error_of_the_socket_is_counted_and_not_the_end() -> None:
    for intake in (PureIntake, open_intake):
        with ExitStack() as exit_:
            (peer,) = (exit_.enter_context(one) for one in open_peers(1))
            stage = Stage(exit_, intake, [peer], 0, HOST)
            stage.udp.connect(peer.getsockname())
            peer.close()
            stage.udp.send(b"x")  # nobody is there, says ICMP
            stage.mux.drain()
            assert stage.counts == {"recv-ECONNREFUSED": 1}
