"""Light people in a class, hundreds in one process: all that a page says to the server, without the page.

HTTP join, WebSocket, hello, the page's whole offer, real ICE and DTLS; then what comes is counted, by kind. Some may
send: sound with a level, simulcast pictures with keyframes when asked. Told what to do in JSON lines, as light.py:

    {"do": "enter", "port", "class_id", "people": [{"name", "code" | "token"}], "within_s", "limit_s", "wanted"}
        -> {"entered", "failed": {reason: n}, "first": {"connected": [s], "audio": [s], "video": [s]}, "participants"}
    {"do": "send", "streams": [{"who", "source", "rid", "pps", "burst", "size", "level"}]}   -> {}
    {"do": "sent"}                                                                            -> {"packets": {...}}
    {"do": "command", "who", "command"}                 -> {"asked_at", "acked_at"}  (CLOCK_MONOTONIC, seconds)
    {"do": "listen_for", "voices": {who: [ssrc...]}}   from now on open sound and note when one of these is heard
    {"do": "heard", "limit_s"}                          -> {"at": [s | null]}
    {"do": "count"}                                     -> {"audio", "video", "holes", "cpu_s", "left", "mapped"}
"""

from __future__ import annotations

import heapq
import json
import os
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
from pylibsrtp import Error as SrtpError

from bench.light import CHECK_SECONDS, Identity, Peer

AUDIO, VIDEO, RTX = 111, 96, 97
LEVEL_ID, STAMP_ID, MID_ID, RID_ID = 1, 3, 4, 10
AUDIO_SLOTS, VIDEO_SLOTS = 5, 16
"""What the pages offer to receive on (web/src/media/lines.ts)."""

HEAD_BYTES = 20
"""Header and the first extension."""
READ_SECONDS = 0.025
LISTEN_SECONDS = 0.004
REPORT_SECONDS = 0.1
NAMED_PACKETS = 50
"""Senders name line and layer until the other side knows them."""

SENDING = {"mic": "audio", "camera": "video", "screen": "video", "screen_audio": "audio"}
MIDS = {source: str(number) for number, source in enumerate(SENDING)}
RIDS = ("l", "m", "h")

_URN = "urn:ietf:params:rtp-hdrext:"
_TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def offer(ufrag: str, password: str, fingerprint: str) -> str:
    """What the class room's page offers: four lines to send on, and a pool to receive on."""
    lines = [(mid, SENDING[source], source) for source, mid in MIDS.items()]
    pool = ["audio"] * AUDIO_SLOTS + ["video"] * VIDEO_SLOTS
    lines += [(str(number), kind, "") for number, kind in enumerate(pool, start=len(lines))]
    text = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE " + " ".join(mid for mid, *_ in lines)]
    text += ["a=extmap-allow-mixed", "a=msid-semantic: WMS"]
    for mid, kind, source in lines:
        numbers = str(AUDIO) if kind == "audio" else f"{VIDEO} {RTX}"
        text += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0"]
        text += [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{password}", "a=ice-options:trickle"]
        text += [f"a=fingerprint:sha-256 {fingerprint}", "a=setup:actpass", f"a=mid:{mid}"]
        text += [f"a=extmap:{LEVEL_ID} {_URN}ssrc-audio-level"] if kind == "audio" else []
        text += [f"a=extmap:{STAMP_ID} {_TWCC}", f"a=extmap:{MID_ID} {_URN}sdes:mid"]
        text += [f"a=extmap:{RID_ID} {_URN}sdes:rtp-stream-id"] if kind == "video" else []
        text += ["a=sendonly" if source else "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize"]
        if kind == "audio":
            text += [f"a=rtpmap:{AUDIO} opus/48000/2", f"a=rtcp-fb:{AUDIO} transport-cc", f"a=rtcp-fb:{AUDIO} nack"]
            text += [f"a=fmtp:{AUDIO} minptime=10;useinbandfec=1"]
        else:
            text += [f"a=rtpmap:{VIDEO} VP8/90000"]
            text += [
                f"a=rtcp-fb:{VIDEO} {what}" for what in ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
            ]
            text += [f"a=rtpmap:{RTX} rtx/90000", f"a=fmtp:{RTX} apt={VIDEO}"]
        if source == "camera":
            text += [f"a=rid:{rid} send" for rid in RIDS] + [f"a=simulcast:send {';'.join(RIDS)}"]
        elif source:
            text += [f"a=ssrc:{0x10000 + int(mid)} cname:bench"]
    return "\r\n".join(text) + "\r\n"


class Stream:
    """What one of us sends on one line, or on one layer of it."""

    def __init__(self, sender: Learner, order: Mapping[str, Any]) -> None:
        self.sender = sender
        self.source, self.rid = order["source"], order.get("rid", "")
        self.is_video = SENDING[self.source] == "video"
        self.burst, self.size = order.get("burst", 1), order["size"]
        self.interval = self.burst / order["pps"]
        self.level = order.get("level", 40)
        number = 16 + RIDS.index(self.rid) if self.rid else int(MIDS[self.source])
        self.ssrc = 0x10000 * (sender.index + 1) + number
        self.packets = 0
        self.wants_keyframe = False
        self._keyframe_at = 0.0
        self._seq = self._picture = 0

    def send(self, now: float) -> None:
        """The packets of one frame."""
        if self.is_video:
            self._send_picture(now)
        else:
            self._send(AUDIO, now, marker=False, payload=self.ssrc.to_bytes(4, "big"))

    def _send_picture(self, now: float) -> None:
        is_key = self.wants_keyframe or now >= self._keyframe_at
        if is_key:
            self._keyframe_at, self.wants_keyframe = now + 10, False
        for index in range(self.burst):
            first = index == 0
            # As light.Video: descriptor with picture id and TL0PICIDX (RFC 7741 4.2), then a VP8 frame's head.
            id_bytes = bytes((0x80 | self._picture >> 8, self._picture & 0xFF, self._picture & 0xFF))
            payload = bytes((0x90 if first else 0x80, 0xC0)) + id_bytes
            if first:
                payload += bytes.fromhex("100000 9d012a 8002 e001") if is_key else b"\x11"
            self._send(VIDEO, now, marker=index == self.burst - 1, payload=payload)
        self._picture = self._picture + 1 & 0x7FFF

    def _send(self, payload_type: int, now: float, *, marker: bool, payload: bytes) -> None:
        extensions = [(STAMP_ID, self.sender.next_stamp())]
        if not self.is_video:
            extensions.append((LEVEL_ID, bytes((self.level,))))
        if self.packets < NAMED_PACKETS:
            extensions.append((MID_ID, MIDS[self.source].encode()))
            extensions += [(RID_ID, self.rid.encode())] if self.rid else []
        block = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in extensions)
        block = block.ljust(-len(block) % 4 + len(block), b"\0")
        clock = 90_000 if self.is_video else 48_000
        head = bytes((0x90, marker << 7 | payload_type)) + self._seq.to_bytes(2, "big")
        head += (int(now * clock) & 0xFFFFFFFF).to_bytes(4, "big") + self.ssrc.to_bytes(4, "big")
        head += b"\xbe\xde" + (len(block) // 4).to_bytes(2, "big") + block
        self.sender.send_rtp((head + payload).ljust(self.size, b"\xa5"))
        self._seq = self._seq + 1 & 0xFFFF
        self.packets += 1


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
                self.connect(_remote(message["sdp"]))
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


def _remote(sdp: str) -> dict[str, Any]:
    found: dict[str, Any] = {"lite": True}
    for line in sdp.splitlines():
        name, _, value = line.partition(":")
        if name == "a=ice-ufrag":
            found["ufrag"] = value
        elif name == "a=ice-pwd":
            found["password"] = value
        elif name == "a=candidate" and " udp " in line and "host" not in found:
            words = value.split()
            found["host"], found["port"] = words[4], int(words[5])
    return found


class Place:
    """The class they all go to, what they want to see there, and what counts as being there."""

    def __init__(
        self, port: int, class_id: str, wanted: Sequence[Mapping[str, str]], kinds: Sequence[str], *, feedback: bool
    ) -> None:
        self.port, self.class_id = port, class_id
        self.wanted = list(wanted)
        self.kinds = set(kinds)
        self.feedback = feedback


class Crowd:
    """The people of this process."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._identity = Identity()
        self._people: list[Learner] = []
        self._arriving: dict[int, Learner] = {}
        self._by_tcp: dict[int, Learner] = {}
        self._by_udp: dict[int, Learner] = {}
        self._due: list[tuple[float, int, Stream]] = []
        self._streams: list[Stream] = []
        self._epoll = select.epoll()
        self._epoll.register(0, select.EPOLLIN)
        self._drained_at = self._checked_at = self._turned_at = self._reported_at = 0.0
        self._quarter = self._twentieth = 0
        self._read_seconds = READ_SECONDS

    def turn(self) -> bool:
        """One look at everything; whether there is an order to be read."""
        ready = {fd for fd, _ in self._epoll.poll(self._idle_s())}
        for fd in ready:
            if (learner := self._by_tcp.get(fd)) is not None:
                learner.take_tcp()
                if learner.tcp is None:
                    del self._by_tcp[fd]
            elif (learner := self._by_udp.get(fd)) is not None:
                self._take_udp(fd, learner)
        now = time.monotonic()
        if self._arriving and now - self._turned_at > 0.1:
            self._turned_at = now
            for learner in self._arriving.values():
                if learner.is_connecting:
                    learner.turn(now)
        while self._due and self._due[0][0] <= now:
            at, number, stream = heapq.heappop(self._due)
            stream.send(now)
            heapq.heappush(self._due, (at + stream.interval, number, stream))
        if now - self._drained_at > self._read_seconds:
            self._drained_at = now
            for learner in self._people:
                if learner.connected and learner.socket.fileno() not in self._by_udp:
                    learner.drain()
        self._renew_consent(now)
        self._report(now)
        return 0 in ready

    def _report(self, now: float) -> None:
        """A quarter of them every 25 ms."""
        if now - self._reported_at < REPORT_SECONDS / 4:
            return
        self._reported_at, self._quarter = now, (self._quarter + 1) % 4
        for learner in self._people[self._quarter :: 4]:
            if learner.reports:
                learner.report(now)

    def _take_udp(self, fd: int, learner: Learner) -> None:
        """Until the first packets are there; then sockets are only looked into now and then."""
        if learner.is_connecting:
            learner.turn(time.monotonic())
        if learner.connected:
            learner.first.setdefault("connected", time.monotonic() - learner.began)
            learner.drain()
        if learner.is_ready:
            self._epoll.unregister(fd)
            del self._by_udp[fd]
            self._arriving.pop(learner.index, None)

    def _idle_s(self) -> float:
        now = time.monotonic()
        wakes = [self._drained_at + self._read_seconds]
        wakes += [self._due[0][0]] if self._due else []
        return max(0.0, min(wakes) - now)

    def _renew_consent(self, now: float) -> None:
        # A twentieth of them at a time: a browser's checks do not come together with everyone else's.
        if now - self._checked_at < CHECK_SECONDS / 20:
            return
        self._checked_at = now
        # Not by the clock: a slow loop would leave out the same ones each time.
        self._twentieth = (self._twentieth + 1) % 20
        for learner in self._people[self._twentieth :: 20]:
            if learner.connected and not learner.failed:
                learner.check()

    def enter(
        self,
        port: int,
        class_id: str,
        people: Sequence[Mapping[str, Any]],
        within_s: float,
        limit_s: float,
        wanted: Sequence[Mapping[str, str]] = (),
        until: Sequence[str] = ("audio", "video"),
        feedback: bool = False,
    ) -> dict[str, object]:
        """Join, spread evenly over `within_s`, and wait until each has got `until`; `feedback`: they report it."""
        place = Place(port, class_id, wanted, until, feedback=feedback)
        first = len(self._people)
        coming = [
            Learner(self._identity, self._address, first + index, person, place) for index, person in enumerate(people)
        ]
        start, used = time.monotonic(), time.process_time()
        waiting = list(reversed(coming))
        while time.monotonic() < start + limit_s:
            now = time.monotonic()
            while waiting and now >= start + (len(coming) - len(waiting)) * within_s / len(coming):
                self._arrive(waiting.pop())
            self.turn()
            if not waiting and all(learner.is_ready for learner in coming):
                break
        for learner in coming:
            if not learner.is_ready:
                learner.failed = f"nothing of {sorted(place.kinds - learner.first.keys())}"
        firsts = {
            kind: [learner.first[kind] for learner in coming if kind in learner.first]
            for kind in ("welcome", "connected", "audio", "video")
        }
        return {
            "entered": sum(not learner.failed for learner in coming),
            "failed": Counter(learner.failed for learner in coming if learner.failed),
            "first": firsts,
            "participants": [learner.participant for learner in coming],
            "took_s": time.monotonic() - start,
            "cpu_s": time.process_time() - used,
        }

    def _arrive(self, learner: Learner) -> None:
        self._people.append(learner)
        learner.begin()
        if learner.tcp is not None:
            self._by_tcp[learner.tcp.fileno()] = learner
            self._epoll.register(learner.tcp, select.EPOLLIN)
        self._by_udp[learner.socket.fileno()] = learner
        self._epoll.register(learner.socket, select.EPOLLIN)
        self._arriving[learner.index] = learner

    def send(self, streams: Sequence[Mapping[str, Any]]) -> dict[str, object]:
        """Start sending, and go on until the end."""
        start = time.monotonic()
        for order in streams:
            sender = self._people[order["who"]]
            stream = Stream(sender, order)
            sender.streams[stream.ssrc] = stream
            # Not all at the same moment, as nobody's microphone is.
            at = start + stream.interval * (len(self._streams) * 0.37 % 1)
            heapq.heappush(self._due, (at, len(self._streams), stream))
            self._streams.append(stream)
        return {"ssrcs": [stream.ssrc for stream in self._streams[-len(streams) :]]}

    def sent(self) -> dict[str, object]:
        return {
            "packets": [stream.packets for stream in self._streams],
            "cpu_s": time.process_time(),
            "late_s": max((time.monotonic() - at for at, *_ in self._due), default=0),
        }

    def command(self, who: int, command: Mapping[str, Any], limit_s: float = 10) -> dict[str, object]:
        """Ask, and wait for the answer."""
        learner = self._people[who]
        asked_at = time.monotonic()
        counter = learner.ask(command)
        while counter not in learner.answered:
            if learner.failed or time.monotonic() > asked_at + limit_s:
                raise RuntimeError(f"{command['type']}: {learner.failed or 'no answer'}")
            self.turn()
        return {"asked_at": asked_at, "acked_at": learner.answered[counter]}

    def listen_for(self, voices: Mapping[str, Sequence[int]]) -> dict[str, object]:
        self._read_seconds = LISTEN_SECONDS
        for who, ssrcs in voices.items():
            learner = self._people[int(who)]
            learner.voices, learner.heard_at = frozenset(ssrcs), None
        return {}

    def heard(self, limit_s: float) -> dict[str, object]:
        listening = [learner for learner in self._people if learner.voices]
        end = time.monotonic() + limit_s
        while time.monotonic() < end and any(learner.heard_at is None for learner in listening):
            self.turn()
        at = [learner.heard_at for learner in listening]
        for learner in listening:
            learner.voices = frozenset()
        self._read_seconds = READ_SECONDS
        return {"at": at}

    def count(self) -> dict[str, object]:
        for learner in self._people:
            learner.drain()
        sums: Counter[str] = Counter()
        for learner in self._people:
            sums.update(learner.counts)
        return {
            **{kind: sums[kind] for kind in ("audio", "video", "holes", "mapped")},
            "cpu_s": time.process_time(),
            "failed": Counter(learner.failed for learner in self._people if learner.failed),
        }


def main() -> None:
    crowd = Crowd(sys.argv[1])
    pending = b""
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    while True:
        if crowd.turn():
            arrived = os.read(0, 1 << 20)
            if not arrived:
                return
            pending += arrived
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            order = json.loads(line)
            answer = getattr(crowd, order.pop("do"))(**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
