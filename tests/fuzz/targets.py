"""Whatever takes bytes from outside, one function each: any bytes give a value, or the refusal that is promised.

A target raises only if it found something. `make fuzz` runs them under atheris, test_targets.py over seeds, finds and
their mutations. Seeds are what the other tests know to be genuine.
"""

from __future__ import annotations

import contextlib
from binascii import crc32
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from aioice import stun

from server.http import wire
from server.http.errors import BadFrame
from server.log import codec, record
from server.media.answer import Endpoint, Idle, Publishing, Role, Session, Slotted, build_answer
from server.media.net.dtls import DtlsServer, DtlsState, Fingerprint, Identity
from server.media.net.ice import Credentials, IceLite, Rejection, addressee
from server.media.offer import Line, parse_offer
from server.media.rtp import header, rtcp, rtx, twcc
from server.media.rtp.codecs import DESCRIBE, DIMENSIONS, JOIN
from server.media.rtp.descriptor import Part, widened
from server.media.rtp.header import FIXED
from server.media.rtp.source import SourceStream
from tests.fuzz import world
from tests.log.entries import story

FINDS = Path(__file__).parent / "finds"
"""What once broke a target, by its name: kept, so that it never does again."""

_SDP = Path(__file__).parent.parent / "media/sdp"
_IDENTITY = Identity()
_ICE = IceLite(Credentials("them", "x" * 22), 0)
_HERE = Endpoint(("192.0.2.7",), 40000, True, Fingerprint("sha-256", "AA:BB"))
_NAME = f"{_ICE.local.ufrag}:them"


class Target(NamedTuple):
    """`take` is what any bytes are given to."""

    take: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]


class _Road:
    """A path that leads nowhere."""

    address = ("192.0.2.9", 9)

    def send(self, datagram: bytes) -> None: ...
    def close(self) -> None: ...


def _stun(datagram: bytes) -> None:
    """As it came, and once more with attributes of its own and a signature that holds."""
    addressee(datagram)
    if b"\x00\x06" not in datagram:
        assert isinstance(_ICE.answer(datagram, _Road(), 1), Rejection)
    attributes = datagram[: len(datagram) // 4 * 4][:400]
    signed = bytearray(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12) + attributes)
    signed[2:4] = (len(attributes) + 8).to_bytes(2, "big")
    whole = bytes(signed) + b"\x80\x28\x00\x04" + (crc32(signed) ^ 0x5354554E).to_bytes(4, "big")
    addressee(whole)
    _ICE.answer(whole, _Road(), 1)


def _stun_seeds() -> Iterable[bytes]:
    for more in ({}, {"USE-CANDIDATE": None}, {"SOFTWARE": "any length"}):
        message = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            transaction_id=bytes(12),
            attributes={"USERNAME": _NAME, "PRIORITY": 1, **more},
        )
        message.add_message_integrity(_ICE.local.password.encode())
        yield bytes(message)
        yield bytes(message)[20:]


def _dtls(datagram: bytes) -> None:
    server = DtlsServer(_IDENTITY, [Fingerprint("sha-256", "AA")])
    for _ in range(2):
        for flight in server.receive(datagram):
            assert len(flight) <= 1200
    server.tick()
    assert server.state is DtlsState.HANDSHAKE
    assert server.srtp is None


def _dtls_seeds() -> Iterable[bytes]:
    yield world.client_hello(_IDENTITY)
    yield bytes.fromhex("15fefd0001000000000001000202280000")
    yield bytes.fromhex("16fefd000000000000000000100100000400000000000000040a0b0c0d")


def _rtp(packet: bytes) -> None:
    try:
        head = header.parse(packet)
    except ValueError:
        return
    assert 12 <= head.payload_start <= head.payload_end <= len(packet)
    for value in head.extensions.values():
        with contextlib.suppress(ValueError):
            header.audio_level(value)
        with contextlib.suppress(ValueError):
            header.u16(value)
    with contextlib.suppress(ValueError):
        restored = rtx.unwrap(packet, head, 7, 96)
        if restored is not None:
            assert header.parse(restored).ssrc == 7
    for name in ("opus", *DESCRIBE):
        stream = SourceStream(1, codec=name)
        for step in (0, 1, 40_000, 2):
            again = header.FIXED.pack(*FIXED.unpack_from(packet)[:2], head.seq + step & 0xFFFF, 0, 0) + packet[12:]
            with contextlib.suppress(ValueError):
                stream.accept(again, header.parse(again), step)


def _rtp_seeds() -> Iterable[bytes]:
    yield header.build(96, 1, 2, 3, b"\x90\x80\x81\x02\x10\x02\x00\x9d\x01\x2a\x40\x01\xb4\x00picture", marker=True)
    yield header.build(111, 1, 2, 3, b"sound", extensions={1: b"\x85", 3: b"\x00\x07", 4: b"mic", 10: b"l"})
    yield header.build(96, 1, 2, 3, b"", extensions={4: b"camera", 11: b"h"})
    yield bytes.fromhex("b06000010000000200000003bede00021085320007400000aabbcc0003")
    yield bytes.fromhex("90600001000000020000000310000002" + "0103aabbcc0000000110")


def _pictures(codec: str) -> Callable[[bytes], None]:
    """Packets of a frame, each after its size in a byte: described, put together, and looked at."""

    def take(data: bytes) -> None:
        parts: list[Part] = []
        for payload in _cut(data):
            with contextlib.suppress(ValueError):
                described = DESCRIBE[codec](payload)
                assert 0 <= described.size < len(payload)
                parts.append(Part(payload, described.size))
                with contextlib.suppress(ValueError):
                    wide = DESCRIBE[codec](widened(payload, described))
                    assert (wide.picture_id, wide.size) == (described.picture_id, described.size + 1)
        with contextlib.suppress(ValueError):
            width, height = DIMENSIONS[codec](JOIN[codec](parts) if parts else data)
            assert 0 <= min(width, height) <= max(width, height) <= 1 << 16

    return take


def _cut(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def _packed(*payloads: str) -> bytes:
    return b"".join(bytes((len(payload),)) + payload for payload in map(bytes.fromhex, payloads))


_VP8_FRAME = "1002009d012a4001b400"
_VP9_FRAME = "824983420013f00b34"
_SPS, _PPS = "6742c01fd900a03da10000030001000003003c8f183248", "68cb8cb2"
_SEEDS = {
    "vp8": [*(_packed(head + _VP8_FRAME) for head in ("10", "908005", "90808105", "90e081050960", "8070050140"))],
    "vp9": [
        *(
            _packed(head + _VP9_FRAME)
            for head in ("08", "8811", "a892342007", "f8923420030503", "8a92341801400000b402040100")
        ),
        _packed("a892342007" + _VP9_FRAME, "a892340207" + _VP9_FRAME, "0482"),
    ],
    "h264": [
        _packed(_SPS, _PPS, "65b800040000"),
        _packed("780017" + _SPS + "0004" + _PPS, "7c85b80004", "7c050000", "7c450500"),
        _packed("6764001facd9405005bb016a02020280000003008000001e478c18cb", "68ebe3cb22c0", "65b80004"),
    ],
}


def _rtcp(datagram: bytes) -> None:
    try:
        messages = rtcp.parse_compound(datagram)
    except ValueError:
        return
    for message in messages:
        (again,) = rtcp.parse_compound(message.encode())
        if isinstance(message, rtcp.Nack) and isinstance(again, rtcp.Nack):  # ours names nothing twice
            assert set(again.seqs) == set(message.seqs)
        else:
            assert again == message
        if isinstance(message, rtcp.SenderReport | rtcp.ReceiverReport):
            for block in message.blocks:
                rtcp.round_trip_ms(block, 1 << 40)


def _rtcp_seeds() -> Iterable[bytes]:
    block = rtcp.ReportBlock(3, 10, -2, 100, 7, 0x1234, 0x100)
    messages = (
        rtcp.SenderReport(1, 1 << 40, 9, 2, 300, (block,)),
        rtcp.ReceiverReport(1, (block, block)),
        rtcp.SourceDescription(((1, "ann"), (2, "bo"))),
        rtcp.Goodbye((1, 2)),
        rtcp.Nack(1, 3, (4, 5, 9, 400)),
        rtcp.Pli(1, 3),
        rtcp.Fir(1, ((3, 1), (4, 2))),
        rtcp.Remb(1, 300_000, (3, 4)),
    )
    yield from (message.encode() for message in messages)
    yield rtcp.build_compound(messages)
    yield b"\xa1\xca\x00\x03" + rtcp.SourceDescription(((1, "a"),)).encode()[4:] + b"\x00\x00\x00\x04"


def _twcc(body: bytes) -> None:
    try:
        told = twcc.parse(body)
    except ValueError:
        return
    assert len(list(told.arrivals())) == len(told.deltas)
    assert twcc.parse(told.encode()[4:]) == told


def _twcc_seeds() -> Iterable[bytes]:
    for deltas in ((0,), (1, None, 300, -5, 0), (None,) * 30 + (4,), (4, None) * 20, tuple(range(60))):
        yield twcc.TransportFeedback(1, 2, 65_530, -3, 9, deltas).encode()[4:]


def _sdp(text: bytes) -> None:
    try:
        offer = parse_offer(text.decode("utf-8", "replace"))
    except ValueError:
        return
    roles: dict[str, Role] = {}
    for index, line in enumerate(offer.lines):
        if isinstance(line, Line):
            roles[line.mid] = Publishing() if line.sends else Slotted(1000 + index, 2000 + index)
        else:
            roles[line.mid] = Idle()
    build_answer(offer, roles, Credentials("ours", "secret"), _HERE, Session(1, 1))


def _sdp_seeds() -> Iterable[bytes]:
    yield from (path.read_bytes() for path in sorted(_SDP.glob("*.offer.sdp")))
    yield world.offer().encode()


def _frames(frame: bytes) -> None:
    with contextlib.suppress(BadFrame):
        wire.decode(frame)


def _frames_seeds() -> Iterable[bytes]:
    commands: tuple[dict[str, object], ...] = (
        {"type": "chat.send", "text": "hello"},
        {"type": "hand.raise"},
        {"type": "poll.open", "question": "why?", "options": ["a", "b"]},
        {"type": "stage.publish", "source": "mic"},
    )
    frames: tuple[dict[str, object], ...] = (
        {"type": "hello", "token": "t", "client": "c", "last_seq": None},
        *[{"type": "command", "counter": 1, "command": command} for command in commands],
        {"type": "pulse", "pulse": {"type": "pulse.typing"}},
        {"type": "media.offer", "sdp": "v=0", "sources": {"0": "mic"}},
        {"type": "media.watch", "wanted": [{"participant": "p", "source": "camera", "quality": "low"}], "cameras": 3},
        {"type": "ping", "n": 1},
    )
    yield from (msgspec.msgpack.encode(frame) for frame in frames)


def _log(content: bytes) -> None:
    with contextlib.suppress(record.Damaged):
        scanned = record.scan(content)
        assert scanned.good_bytes + scanned.torn_bytes == len(content)
    for decode in (codec.decode, codec.decode_classroom):
        with contextlib.suppress(ValueError):
            decode(content)


def _log_seeds() -> Iterable[bytes]:
    entries = story(4)
    run = codec.encode_run(0, entries)
    yield record.frame_write(run)
    yield record.frame_write(run[:2]) + record.frame_write(run[2:])
    yield record.frame_write(run[:2])[:-3] + record.frame_write(run[2:])
    yield from (payload for _, payload in run)


TARGETS = {
    "stun": Target(_stun, _stun_seeds),
    "dtls": Target(_dtls, _dtls_seeds),
    "rtp": Target(_rtp, _rtp_seeds),
    **{codec: Target(_pictures(codec), partial(list, _SEEDS[codec])) for codec in DESCRIBE},
    "rtcp": Target(_rtcp, _rtcp_seeds),
    "twcc": Target(_twcc, _twcc_seeds),
    "sdp": Target(_sdp, _sdp_seeds),
    "frames": Target(_frames, _frames_seeds),
    "log": Target(_log, _log_seeds),
    "port": Target(world.take, lambda: world.seeds((*_rtp_seeds(), *_rtcp_seeds(), *_stun_seeds(), *_dtls_seeds()))),
}


def finds(name: str) -> list[bytes]:
    """What once broke this target."""
    return [path.read_bytes() for path in sorted((FINDS / name).glob("*"))]
