"""A peer that speaks to the plane packet by packet: hand-made RTP, any number of layers, and whatever is hostile.

ICE by aioice's STUN messages and DTLS by aiortc, so that neither end of the tests is our own code talking to itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Self, cast

from aioice import stun
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from server.media.offer import AUDIO_LEVEL, MID, REPAIRED_RID, RID, TRANSPORT_CC
from server.media.rtp import header, rtcp
from server.media.shapes import PeerId
from tests.media.peers import Stage

UFRAG, PASSWORD = "wire", "wire-password-of-enough-chars".replace("-", "+")
LEVEL_ID, TWCC_ID, MID_ID, RID_ID, REPAIRED_ID = 1, 3, 4, 10, 11
OPUS, VP8, RTX = 111, 96, 97


class Wire(asyncio.DatagramProtocol):
    """The ICE transport that aiortc's DTLS sees: one UDP socket."""

    role = "controlling"
    state = "completed"

    def __init__(self, room: Stage) -> None:
        self.destination = (room.address, room.plane.port)
        self._ledger = room.ledger
        self.responses: asyncio.Queue[bytes] = asyncio.Queue()
        self.raw: list[bytes] = []
        self.heard_from: set[str] = set()
        """Addresses; over UDP only."""
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, room: Stage) -> Self:
        """Another address on loopback, closed with the stage."""
        wire = cls(room)
        await wire.start()
        room.exit.callback(wire.close)
        return wire

    async def start(self) -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(self.destination[0], 0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own datagram transport is no DatagramTransport by inheritance.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int] | None) -> None:
        self.raw.append(data)
        if addr is not None:
            self.heard_from.add(addr[0])
        self._ledger.wake()
        (self.responses if data[0] < 4 else self._queue).put_nowait(data)

    def send(self, datagram: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(datagram, self.destination)

    async def _send(self, datagram: bytes) -> None:
        self.send(datagram)

    async def _recv(self) -> bytes:
        return await self._queue.get()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class TcpWire(Wire, asyncio.Protocol):
    """The same over one TCP connection (RFC 4571)."""

    def __init__(self, room: Stage) -> None:
        super().__init__(room)
        self._buffer = b""
        self._stream: asyncio.Transport | None = None
        self.closed = asyncio.Event()

    async def start(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, *self.destination)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 2 and len(self._buffer) >= 2 + (size := int.from_bytes(self._buffer[:2], "big")):
            self.datagram_received(self._buffer[2 : 2 + size], None)
            self._buffer = self._buffer[2 + size :]

    def send(self, datagram: bytes) -> None:
        self.write(len(datagram).to_bytes(2, "big") + datagram)

    def write(self, data: bytes) -> None:
        """Bytes as they are, framed or not."""
        if self._stream is not None:
            self._stream.write(data)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


class _Dtls(RTCDtlsTransport):
    """aiortc's DTLS that hands packets over as they are."""

    def __init__(self, wire: Wire, certificate: RTCCertificate, peer: WirePeer) -> None:
        super().__init__(wire, [certificate])  # type: ignore[arg-type]
        self._peer = peer

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._peer.take_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._peer.take_rtcp(data)


class WirePeer:
    """One peer. `rtp` and `rtcp` hold what it was sent, in the clear."""

    def __init__(self, room: Stage, name: str, *, tcp: bool = False) -> None:
        self.id = PeerId(name)
        self.plane = room.plane
        self.ledger = room.ledger
        self.rtp: list[bytes] = []
        self.rtcp: list[rtcp.Message] = []
        self.answer = ""
        self.ufrag = UFRAG
        """Ours. Another one in the next offer is an ICE restart."""
        self.certificate = RTCCertificate.generateCertificate()
        self.wire = TcpWire(room) if tcp else Wire(room)
        self.dtls = _Dtls(self.wire, self.certificate, self)
        room.exit.push_async_callback(self.close)

    def offer(self, publish: Mapping[str, Sequence[str]], audio: int = 1, video: int = 1) -> str:
        """`publish` maps a source to its rids (none for a track without layers); its line's mid is the source."""
        mids = [*publish, *(f"a{i}" for i in range(audio)), *(f"v{i}" for i in range(video))]
        fingerprint = self.certificate.getFingerprints()[0]
        text = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(mids)}"]
        text += [f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}", "a=setup:actpass"]
        text += [f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{PASSWORD}"]
        for source, rids in publish.items():
            kind = "audio" if source in ("mic", "screen_audio") else "video"
            text += _line(kind, source, "sendonly")
            text += [f"a=rid:{rid} send" for rid in rids]
            if rids:
                text.append(f"a=simulcast:send {';'.join(rids)}")
        for mid in mids[len(publish) :]:
            text += _line("audio" if mid[0] == "a" else "video", mid, "recvonly")
        return "\r\n".join(text) + "\r\n"

    async def connect(self, publish: Mapping[str, Sequence[str]] | None = None, audio: int = 1, video: int = 1) -> None:
        """Offer, check the path, shake hands; returns when media can flow."""
        await self.wire.start()
        await self.ask(publish, audio, video)
        if not await self.check(nominate=True):
            raise ConnectionError("the plane did not answer a binding request")
        await self.shake_hands()

    async def ask(self, publish: Mapping[str, Sequence[str]] | None = None, audio: int = 1, video: int = 1) -> None:
        """The offer and its answer, nothing else."""
        publish = publish or {}
        answer = await self.plane.connect(
            self.id, self.offer(publish, audio, video), {source: source for source in publish}
        )
        self.answer = answer.sdp

    async def shake_hands(self) -> None:
        algorithm, _, value = self._attribute("fingerprint").partition(" ")
        self.dtls._set_role("client")
        await self.dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(algorithm, value)]))
        await self.ledger.until(lambda: self.id in self.ledger.connected)

    def request(self, *, nominate: bool, ufrag: str = "", password: str = "") -> bytes:
        """A binding request to the plane, by default a genuine one."""
        message = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{ufrag or self._attribute('ice-ufrag')}:{self.ufrag}",
                "PRIORITY": 1,
                "ICE-CONTROLLING": 1,
            },
        )
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self._attribute("ice-pwd")).encode())
        return bytes(message)

    async def check(self, *, nominate: bool, wire: Wire | None = None) -> bool:
        """One connectivity check; False if it stays unanswered for a second."""
        wire = wire or self.wire
        request = self.request(nominate=nominate)
        wire.send(request)
        try:
            async with asyncio.timeout(1):
                response = stun.parse_message(await wire.responses.get())
        except TimeoutError:
            return False
        return response.transaction_id == request[8:20] and response.check_message_integrity(
            self._attribute("ice-pwd").encode()
        )

    def move_to(self, wire: Wire) -> None:
        """Send and receive on another socket from now on (a change of network)."""
        self.wire = wire
        self.dtls._transport = wire  # type: ignore[assignment]

    async def send(self, packet: bytes) -> None:
        """An RTP or RTCP packet, protected."""
        await self.dtls._send_rtp(packet)

    def slot_ssrc(self, mid: str, *, rtx: bool = False) -> int:
        """The SSRC of one of our receiving lines, by the answer."""
        section = next(part for part in self.answer.split("m=") if f"a=mid:{mid}\r\n" in part)
        ssrcs = dict.fromkeys(
            int(line[7:].split(" ")[0]) for line in section.splitlines() if line.startswith("a=ssrc:")
        )
        return list(ssrcs)[1 if rtx else 0]

    def received(self, ssrc: int) -> list[tuple[header.Header, bytes]]:
        """Packets so far of one SSRC: header and payload."""
        parsed = ((header.parse(packet), packet) for packet in self.rtp)
        return [(head, packet[head.payload_start : head.payload_end]) for head, packet in parsed if head.ssrc == ssrc]

    def take_rtp(self, packet: bytes) -> None:
        self.rtp.append(packet)
        self.ledger.wake()

    def take_rtcp(self, compound: bytes) -> None:
        self.rtcp += rtcp.parse_compound(compound)
        self.ledger.wake()

    async def close(self) -> None:
        await self.dtls.stop()
        self.wire.close()

    def _attribute(self, name: str) -> str:
        return next(line for line in self.answer.splitlines() if line.startswith(f"a={name}:")).partition(":")[2]


class Camera:
    """Hand-made VP8 in simulcast layers: each frame is one packet that says which layer and frame it is."""

    def __init__(self, peer: WirePeer, source: str = "camera", rids: Sequence[str] = ("l", "m", "h")) -> None:
        self.peer = peer
        self.source = source
        self.rids = rids
        self.frame = 0
        self._seq = {rid: 1000 * index for index, rid in enumerate(rids, start=1)}
        self._twcc = 0
        self._repairs = 0

    def ssrc(self, rid: str) -> int:
        return 0x1000 + self.rids.index(rid)

    def packet(self, rid: str, *, keyframe: bool, size: int = 20, layered: bool = False) -> bytes:
        """The next packet of a layer; a frame of its own. `layered`: in three temporal layers, as Chromium has them."""
        seq = self._seq[rid] = self._seq[rid] + 1 & 0xFFFF
        extensions = {MID_ID: self.source.encode(), TWCC_ID: self._twcc.to_bytes(2, "big")}
        self._twcc = self._twcc + 1 & 0xFFFF
        if rid:
            extensions[RID_ID] = rid.encode()
        descriptor = bytes((0x90, 0x80, 0x80 | self.frame >> 8 & 0x7F, self.frame & 0xFF))
        if layered:
            tid = (0, 2, 1, 2)[self.frame % 4]
            sync = self.frame % 4 in (1, 2)
            descriptor = bytes((0x90, 0xE0, *descriptor[2:], self.frame // 4 & 0xFF, tid << 6 | sync << 5))
        start = b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xb4\x00" if keyframe else b"\x11"
        body = f"|{rid}{self.frame}|".encode().ljust(size, b".")
        return header.build(
            VP8,
            seq,
            3000 * self.frame,
            self.ssrc(rid),
            descriptor + start + body,
            marker=True,
            extensions=extensions,
        )

    async def shoot(self, *, keyframe: bool = False, rids: Sequence[str] | None = None, size: int = 20) -> None:
        """Send the next frame on all layers (or some)."""
        self.frame += 1
        for rid in self.rids if rids is None else rids:
            await self.peer.send(self.packet(rid, keyframe=keyframe, size=size))

    def lose(self, rid: str) -> bytes:
        """The next frame of a layer, not sent."""
        self.frame += 1
        return self.packet(rid, keyframe=False)

    async def repair(self, lost: bytes, rid: str) -> None:
        """Send a lost packet as a retransmission (RFC 4588)."""
        head = header.parse(lost)
        self._repairs += 1
        extensions = {MID_ID: self.source.encode(), REPAIRED_ID: rid.encode()}
        payload = head.seq.to_bytes(2, "big") + lost[head.payload_start :]
        ssrc = 0x3000 + self.rids.index(rid)
        await self.peer.send(
            header.build(RTX, self._repairs, head.timestamp, ssrc, payload, marker=head.marker, extensions=extensions)
        )


def label(payload: bytes) -> str:
    """Which layer and frame a payload of a hand-made camera is."""
    return payload.rsplit(b"|", 2)[1].decode()  # the descriptor before it may hold a "|" too


class Microphone:
    """Hand-made Opus with audio levels."""

    def __init__(self, peer: WirePeer, source: str = "mic") -> None:
        self.peer = peer
        self.source = source
        self._seq = 0

    def packet(self, level: int = 20, text: bytes = b"opus") -> bytes:
        """The next 20 ms."""
        self._seq += 1
        extensions = {MID_ID: self.source.encode(), LEVEL_ID: bytes((level,))}
        return header.build(OPUS, self._seq, 960 * self._seq, 0x2000, text, extensions=extensions)

    async def say(self, level: int = 20, text: bytes = b"opus") -> None:
        """Send the next 20 ms."""
        await self.peer.send(self.packet(level, text))


def _line(kind: str, mid: str, direction: str) -> list[str]:
    text = [f"m={kind} 9 UDP/TLS/RTP/SAVPF {OPUS if kind == 'audio' else f'{VP8} {RTX}'}"]
    text += ["c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}", "a=rtcp-mux", f"a=extmap:{MID_ID} {MID}"]
    text.append(f"a=extmap:{TWCC_ID} {TRANSPORT_CC}")
    if kind == "audio":
        text += [f"a=rtpmap:{OPUS} opus/48000/2", f"a=rtcp-fb:{OPUS} nack"]
        return [*text, f"a=extmap:{LEVEL_ID} {AUDIO_LEVEL}"]
    text += [f"a=rtpmap:{VP8} VP8/90000", f"a=rtpmap:{RTX} rtx/90000", f"a=fmtp:{RTX} apt={VP8}"]
    text += [f"a=rtcp-fb:{VP8} {value}" for value in ("nack", "nack pli", "ccm fir", "transport-cc")]
    return [*text, f"a=extmap:{RID_ID} {RID}", f"a=extmap:{REPAIRED_ID} {REPAIRED_RID}"]
