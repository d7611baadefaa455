"""One light person in a class: HTTP join, WebSocket, hello, the page's whole offer; what comes is counted, by kind."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
from pylibsrtp import Error as SrtpError

from bench.lines import AUDIO, MIDS, RTX, STAMP_ID, VIDEO, offer, remote
from bench.peer import Identity, Peer
from bench.stream import Stream

HEAD_BYTES = 20
"""Header and the first extension."""


class Place:
    """The class they all go to, what they want to see there, and what counts as being there."""

    def __init__(
        self, port: int, class_id: str, wanted: Sequence[Mapping[str, str]], kinds: Sequence[str], *, feedback: bool
    ) -> None:
        self.port, self.class_id = port, class_id
        self.wanted = list(wanted)
        self.kinds = set(kinds)
        self.feedback = feedback


class Learner(Peer):
    """One of them. Times are seconds of CLOCK_MONOTONIC, the same in every process of the machine."""

    def __init__(self, identity: Identity, address: str, index: int, person: Mapping[str, Any], place: Place) -> None:
        super().__init__(identity, address, index)
        self._place = place
        self._person = person
        self._read = bytearray()
        self._upgraded = False
        self._counter = 0
        self._stamp = 0
        self.tcp: socket.socket | None = None
        self.participant = ""
        self.failed = ""
        self.began = time.monotonic()
        self.first: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.streams: dict[int, Stream] = {}
        self.answered: dict[int, float] = {}
        self.voices: frozenset[int] = frozenset()
        self.heard_at: float | None = None
        self._next_seqs: dict[int, int] = {}
        self._reports = 0
        self._reported_at = 0.0
        self._reported_stamp = self._latest_stamp = -1

    def begin(self) -> None:
        """The click on Join."""
        self.began = time.monotonic()
        self.tcp = socket.create_connection(("127.0.0.1", self._place.port), timeout=10)
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tcp.setblocking(False)
        if "token" in self._person:
            self._upgrade()
            return
        body = json.dumps({"name": self._person["name"], "code": self._person["code"]})
        self._request("POST", "join", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n", body)

    @property
    def is_ready(self) -> bool:
        """Whether there is nothing more to wait for."""
        return bool(self.failed) or self._place.kinds <= self.first.keys()

    @property
    def reports(self) -> bool:
        return self._place.feedback and self.connected and not self.failed

    @property
    def is_connecting(self) -> bool:
        return self._dtls is not None and not self.connected

    def take_tcp(self) -> None:
        """What the server said over HTTP or WebSocket."""
        if self.tcp is None:
            return
        try:
            arrived = self.tcp.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            arrived = b""
        if not arrived:
            self._fail("socket closed")
            return
        self._read += arrived
        if not self._upgraded:
            self._take_answer()
        if self._upgraded:
            self._take_frames()

    def ask(self, command: Mapping[str, Any]) -> int:
        """Send a command; its counter."""
        self._counter += 1
        self.say({"type": "command", "counter": self._counter, "command": dict(command)})
        return self._counter

    def say(self, message: Mapping[str, Any]) -> None:
        self._frame(0x82, msgpack.packb(message))

    def next_stamp(self) -> bytes:
        self._stamp = self._stamp + 1 & 0xFFFF
        return self._stamp.to_bytes(2, "big")

    def drain(self) -> None:
        buffer, receive = self._buffer, self.socket.recv_into
        whole = bool(self.streams) or bool(self.voices)
        while True:
            try:
                got = receive(buffer, 2048 if whole else HEAD_BYTES)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if not 128 <= buffer[0] < 192:
                continue
            kind = buffer[1] & 0x7F
            if kind == AUDIO:
                self._note("audio")
                if self.voices and self.heard_at is None:
                    self._listen(bytes(buffer[:got]))
            elif kind in (VIDEO, RTX):
                self._note("video")
            elif self.streams and 192 <= buffer[1] <= 223:
                self._heed(bytes(buffer[:got]))
                continue
            else:
                continue
            stream = int.from_bytes(buffer[8:12], "big")
            seq = buffer[2] << 8 | buffer[3]
            expected = self._next_seqs.get(stream, seq)
            if seq != expected:
                self.counts["holes"] += (seq - expected) & 0xFFFF if (seq - expected) & 0x8000 == 0 else 0
            self._next_seqs[stream] = seq + 1 & 0xFFFF
            if self._place.feedback:
                self._see_stamp(buffer)

    def _see_stamp(self, packet: bytearray) -> None:
        """The transport-wide number, in the first extension that the server writes (RFC 8285 4.2)."""
        if packet[0] & 0x10 and packet[16] == STAMP_ID << 4 | 1:
            self._latest_stamp = packet[17] << 8 | packet[18]

    def report(self, now: float) -> None:
        """Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1): all of it came, evenly."""
        first, latest = self._reported_stamp + 1 & 0xFFFF, self._latest_stamp
        elapsed_s, self._reported_at = now - self._reported_at, now
        count = (latest - first & 0xFFFF) + 1
        self._reported_stamp = latest
        if latest < 0 or self._sending is None or not 0 < count < 1000 or elapsed_s > 1:
            return
        self._reports = self._reports + 1 & 0xFF
        delta = min(255, int(elapsed_s / count / 250e-6))
        body = (1).to_bytes(4, "big") + (1).to_bytes(4, "big") + first.to_bytes(2, "big") + count.to_bytes(2, "big")
        body += (int((now - elapsed_s) / 64e-3) & 0xFFFFFF).to_bytes(3, "big") + bytes((self._reports,))
        body += (0x2000 | count).to_bytes(2, "big") + bytes((delta,)) * count
        body = body.ljust(len(body) + -len(body) % 4, b"\0")
        head = bytes((0x8F, 205)) + (len(body) // 4).to_bytes(2, "big")
        self.send(self._sending.protect_rtcp(head + body))

    def _note(self, kind: str) -> None:
        if kind not in self.first:
            self.first[kind] = time.monotonic() - self.began
        self.counts[kind] += 1

    def _listen(self, packet: bytes) -> None:
        """Whose voice is it? Senders put their SSRC where Opus would begin."""
        if self._receiving is None:
            return
        try:
            clear = self._receiving.unprotect(packet)
        except SrtpError:
            return
        at = 12 + 4 * (clear[0] & 15)
        at += 4 + 4 * int.from_bytes(clear[at + 2 : at + 4], "big") if clear[0] & 0x10 else 0
        if int.from_bytes(clear[at : at + 4], "big") in self.voices:
            self.heard_at = time.monotonic()

    def _heed(self, packet: bytes) -> None:
        """Requests for keyframes (RFC 4585 6.3.1)."""
        if self._receiving is None:
            return
        try:
            clear = self._receiving.unprotect_rtcp(packet)
        except SrtpError:
            return
        at = 0
        while at + 12 <= len(clear):
            if clear[at + 1] == 206 and clear[at] & 31 == 1:
                stream = self.streams.get(int.from_bytes(clear[at + 8 : at + 12], "big"))
                if stream is not None:
                    stream.wants_keyframe = True
            at += 4 + 4 * int.from_bytes(clear[at + 2 : at + 4], "big")

    def _request(self, method: str, what: str, headers: str, body: str = "") -> None:
        host = f"localhost:{self._place.port}"
        head = f"{method} /api/classes/{self._place.class_id}/{what} HTTP/1.1\r\nHost: {host}\r\n"
        self._write(f"{head}Origin: http://{host}\r\n{headers}\r\n{body}".encode())

    def _upgrade(self) -> None:
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        self._request("GET", "live", f"Connection: Upgrade\r\nUpgrade: websocket\r\n{key}")

    def _write(self, data: bytes) -> None:
        if self.tcp is None:
            return
        try:
            self.tcp.sendall(data)
        except OSError:
            self._fail("socket closed")

    def _take_answer(self) -> None:
        head, end, rest = bytes(self._read).partition(b"\r\n\r\n")
        if not end:
            return
        status = head.split(b" ", 2)[1].decode()
        if status == "101":
            self._read = bytearray(rest)
            self._upgraded = True
            hello = {"type": "hello", "token": self._person["token"], "client": f"bench{self.index}", "last_seq": None}
            self.say(hello)
            return
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        if len(rest) < length:
            return
        if status != "200":
            self._fail(f"HTTP {status}")
            return
        self._read.clear()
        self._person = {**self._person, "token": json.loads(rest)["token"]}
        self._upgrade()

    def _take_frames(self) -> None:
        data, at = self._read, 0
        while len(data) - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if len(data) < start + size:
                break
            self._take_frame(data[at] & 15, data[start : start + size])
            at = start + size
        del data[:at]

    def _take_frame(self, kind: int, payload: bytearray) -> None:
        if kind == 9:
            self._frame(0x8A, bytes(payload))
        elif kind == 8:
            self._fail(f"closed {int.from_bytes(payload[:2], 'big')}")
        elif kind == 2 and b"\xa4type\xa5entry" not in payload[:16]:  # most are entries, and nobody here reads them
            self._take_message(msgpack.unpackb(payload))

    def _take_message(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "welcome":
                self.participant = message["participant"]
                self.first["welcome"] = time.monotonic() - self.began
                sdp = offer(self.ufrag, self.password, self._identity.fingerprint)
                sources = {mid: source for source, mid in MIDS.items()}
                self.say({"type": "media.offer", "sdp": sdp, "sources": sources})
                if self._place.wanted:
                    self.say({"type": "media.watch", "wanted": self._place.wanted})
            case "media.answer":
                self.connect(remote(message["sdp"]))
                self.turn(time.monotonic())
            case "media.slots":
                self.counts["mapped"] += 1
            case "ack":
                self.answered[message["counter"]] = time.monotonic()
            case "refused":
                self._fail(f"refused {message['reason']}")
            case "media.lost" | "error" | "bye":
                self._fail(f"{message['type']} {message.get('reason') or message.get('code')}")

    def _frame(self, first: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes((first, 0x80 | size)) if size < 126 else bytes((first, 0xFE)) + size.to_bytes(2, "big")
        self._write(head + b"\0\0\0\0" + payload)  # masked with zeros: the server unmasks all the same

    def _fail(self, reason: str) -> None:
        self.failed = self.failed or reason
        if self.tcp is not None:
            self.tcp.close()
            self.tcp = None
