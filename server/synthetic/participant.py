"""One synthetic participant: joins as a browser does, sends a camera and a voice, sees and hears what it is sent.

It speaks the documented protocol (docs/protocol.md) and keeps every message it was told, so that a script or a test can
wait for one. Media stays on loopback: its only ICE candidates are 127.0.0.1 and no STUN server is ever asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import aioice.ice
import msgpack
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpsender import RTCRtpSender
from av import AudioFrame, VideoFrame

from server.synthetic.voices import loudness, mono

Message = dict[str, Any]
SILENT_AFTER_S = 0.2
ORDER = ("mic", "camera", "screen", "screen_audio")

ONE_TRANSPORT = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
"""With aiortc's default, whoever sends a picture never starts to receive one."""

# aioice leaves loopback out and offers every other interface; a synthetic participant wants just the opposite.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Declined(Exception):
    """The server refused a command or a request; `reason` is its code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Slot:
    """One receiving line: what it carries now, and what has been decoded from it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.participant = ""
        self.source = ""
        self.frames = 0
        self.picture: VideoFrame | None = None
        self.sound: AudioFrame | None = None
        self.sound_at = 0.0

    def hears(self, marker_hz: int, threshold: float = 300.0) -> bool:
        """Whether the last 20 ms of sound carry a marker tone. A slot that gets no sound any more is silent."""
        if self.sound is None or time.monotonic() - self.sound_at > SILENT_AFTER_S:
            return False
        return loudness(mono(self.sound), marker_hz) > threshold


class Participant:
    """A person in a class, played by a program. Use as an async context manager; one task owns it."""

    def __init__(self, server: str, name: str) -> None:
        self.server = server.rstrip("/")
        self.name = name
        self.id = ""
        self.role = ""
        self.view: Message = {}
        self.told: list[Message] = []
        self.slots: dict[str, Slot] = {}
        self.negotiations = 0
        self.lost = asyncio.Event()
        self._client = secrets.token_hex(8)
        self._counter = 0
        self._last_seq: int | None = None
        self._answers: dict[int, asyncio.Future[int]] = {}
        self._unanswered: dict[int, Message] = {}
        self._news = asyncio.Condition()
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._connection: RTCPeerConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Participant:
        self._http = aiohttp.ClientSession(
            headers={"Origin": self.server}, cookie_jar=aiohttp.CookieJar(unsafe=True), raise_for_status=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("use the participant as an async context manager")
        return self._http

    async def become_instructor(self, enter_link: str) -> None:
        """Follow the link that `bichron serve` prints."""
        async with self.http.get(enter_link) as response:
            if response.status != 200:
                raise Declined(f"HTTP {response.status}")

    async def request(self, method: str, path: str, body: object = None) -> Any:
        """A REST call; the decoded JSON, or Declined with the server's error code."""
        async with self.http.request(method, self.server + path, json=body) as response:
            answer = await response.json()
            if response.status >= 400:
                raise Declined(answer["error"]["code"])
            return answer

    async def join(self, class_id: str, code: str | None = None) -> None:
        """Enter a class, or enter it again after the connection was lost.

        Resumes from the last thing this participant was told, and sends again what was never answered.
        """
        since = len(self.told)
        body = {"name": self.name} | ({"code": code} if code else {})
        grant = await self.request("POST", f"/api/classes/{class_id}/join", body)
        self._socket = await self.http.ws_connect(f"{self.server}/api/classes/{class_id}/live", max_msg_size=1 << 24)
        await self._send({"type": "hello", "token": grant["token"], "client": self._client, "last_seq": self._last_seq})
        self.lost.clear()
        self._start(self._listen(self._socket))
        welcome = await self.told_of(lambda message: message["type"] == "welcome", since)
        self.id, self.role = welcome["participant"], welcome["role"]
        for message in list(self._unanswered.values()):
            await self._send(message)

    async def connect_media(
        self, tracks: Mapping[str, MediaStreamTrack] | None = None, audio_slots: int = 3, video_slots: int = 4
    ) -> None:
        """Offer once: the given sources as sending lines, and a pool of receiving slots."""
        tracks = tracks or {}
        self._connection = connection = RTCPeerConnection(ONE_TRANSPORT)
        sending = {
            source: connection.addTransceiver(tracks[source], direction="sendonly")
            for source in ORDER
            if source in tracks
        }
        for kind, count in (("audio", audio_slots), ("video", video_slots)):
            for _ in range(count):
                connection.addTransceiver(kind, direction="recvonly")
        vp8 = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType in ("video/VP8", "video/rtx")]
        for transceiver in connection.getTransceivers():
            if transceiver.kind == "video":
                transceiver.setCodecPreferences(vp8)
        await connection.setLocalDescription(await connection.createOffer())
        sources = {transceiver.mid: source for source, transceiver in sending.items()}
        since = len(self.told)
        await self._send({"type": "media.offer", "sdp": connection.localDescription.sdp, "sources": sources})
        self.negotiations += 1
        answer = await self.told_of(lambda message: message["type"] == "media.answer", since)
        for mid, kind in answer["slots"].items():
            self.slots.setdefault(mid, Slot(kind))
        await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        for transceiver in connection.getTransceivers():
            if transceiver.mid in self.slots:
                self._start(self._receive(transceiver.receiver.track, self.slots[transceiver.mid]))

    async def command(self, kind: str, **fields: object) -> int:
        """Send a command and wait for its outcome: the sequence number, or Declined."""
        self._counter += 1
        answer = self._answers[self._counter] = asyncio.get_running_loop().create_future()
        message = {"type": "command", "counter": self._counter, "command": {"type": kind, **fields}}
        self._unanswered[self._counter] = message
        with contextlib.suppress(ConnectionError):  # a lost connection: `join` sends it again
            await self._send(message)
        return await asyncio.wait_for(answer, 15)

    async def publish(self, *sources: str) -> None:
        for source in sources:
            await self.command("stage.publish", source=source)

    async def told_of(self, wanted: Callable[[Message], bool], since: int = 0, timeout: float = 15) -> Message:
        """The first message told from index `since` on that is `wanted`; waits for it. Raises TimeoutError."""

        def found() -> Message | None:
            return next((message for message in self.told[since:] if wanted(message)), None)

        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: found() is not None)
        message = found()
        if message is None:
            raise RuntimeError("told messages are only ever added")
        return message

    async def told_event(self, kind: str, since: int = 0, timeout: float = 15) -> Message:
        """The first event of a type among the entries told from index `since` on; waits for it."""

        def has(message: Message) -> bool:
            return message["type"] == "entry" and any(event["type"] == kind for event in message["events"])

        entry = await self.told_of(has, since, timeout)
        return next(event for event in entry["events"] if event["type"] == kind)

    async def until(self, condition: Callable[[], bool], timeout: float = 15) -> float:
        """Wait until media or messages make `condition` true; milliseconds it took. Raises TimeoutError."""
        started = time.monotonic()
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(condition)
        return (time.monotonic() - started) * 1000

    def slot_of(self, participant: str, source: str) -> Slot | None:
        """The slot that carries somebody's source now."""
        return next((s for s in self.slots.values() if (s.participant, s.source) == (participant, source)), None)

    def hears(self, marker_hz: int) -> bool:
        return any(slot.kind == "audio" and slot.hears(marker_hz) for slot in self.slots.values())

    async def drop(self) -> None:
        """Lose the socket without a goodbye, as a bad network does."""
        if self._socket is not None:
            await self._socket.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()

    async def _send(self, message: Message) -> None:
        if self._socket is None:
            raise RuntimeError("join first")
        await self._socket.send_bytes(msgpack.packb(message))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is aiohttp.WSMsgType.BINARY:
                await self._take(msgpack.unpackb(frame.data))
        self.lost.set()

    async def _take(self, message: Message) -> None:
        match message["type"]:
            case "welcome" | "view":
                self.view = message.get("view") or self.view
                self._last_seq = message["seq"]
            case "entry":
                self._last_seq = message["seq"]
            case "ack" | "refused":
                self._settle(message)
            case "media.slots":
                for content in message["slots"]:
                    slot = self.slots.setdefault(content["mid"], Slot(""))
                    slot.participant, slot.source = content["participant"], content["source"]
        async with self._news:
            self.told.append(message | {"received": time.monotonic()})
            self._news.notify_all()

    def _settle(self, message: Message) -> None:
        self._unanswered.pop(message["counter"], None)
        answer = self._answers.pop(message["counter"], None)
        if answer is None or answer.done():
            return
        if message["type"] == "ack":
            answer.set_result(message["seq"])
        else:
            answer.set_exception(Declined(message["reason"]))

    async def _receive(self, track: MediaStreamTrack, slot: Slot) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                slot.frames += 1
                if isinstance(frame, VideoFrame):
                    slot.picture = frame
                elif isinstance(frame, AudioFrame):
                    slot.sound, slot.sound_at = frame, time.monotonic()
                async with self._news:
                    self._news.notify_all()
