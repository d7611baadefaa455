"""The live connection of one participant: a WebSocket between a browser and a Session.

Two tasks share it. The reader takes one frame at a time and does not read on before it is dealt with, so a sender who
is too fast only slows himself; the writer passes on what the session tells. The session bounds what waits and cuts
whoever is too slow; here the stuck send is then broken off. A bad frame costs its sender alone, twenty of them his
connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from socket import SO_SNDBUF, SOL_SOCKET
from typing import assert_never

from aiohttp import WSMsgType, web
from msgspec import Struct

from server.http import classes, errors, identity, wire
from server.http.auth import Admission, TokenRefused
from server.http.endpoint import Call
from server.http.errors import BadFrame, Problem
from server.http.frames import MAX_BYTES
from server.http.limits import Bucket, Rate
from server.http.services import SERVICES, Services
from server.live.session import Bye, FreshView, Message, Session, Wish
from server.rooms.kernel import ClassId, ClientId, ParticipantId, Refused

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
"""A peer that answers no ping for half of this after one is gone."""
FRAMES = Rate(per_s=100, burst=400)
COMMANDS = Rate(per_s=10, burst=40)
"""Above these, frames wait; 40: what a client may have unanswered when it comes back."""
OFFERS = Rate(per_s=0.2, burst=5)
WATCHES = Rate(per_s=5, burst=20)
SEND_BUFFER = 128 * 1024
PARTING_S = 4.0
"""How long the last frame of a connection that was cut may take."""


_AFTER_REFUSAL = {
    "class.ended": "ended",
    "class.busy": "server",
    "class.unavailable": "server",
    "log.unavailable": "server",
    "server.shutdown": "shutdown",
}
"""How to close where a refusal to let somebody in is not for good (or the class over): browsers then come back."""


class Parting(Exception):
    """The connection ends before it began. `code` is told in an error frame, `close` in the close frame."""

    def __init__(self, code: str, close: str) -> None:
        super().__init__(code)
        self.code = code
        self.close = close


async def live(call: Call) -> web.WebSocketResponse:
    """GET /api/classes/{class_id}/live"""
    services, request = call.services, call.request
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise Problem(426, "websocket", "This address speaks WebSocket.", {"Upgrade": "websocket"})
    if not services.limits.sockets.take(identity.address(request, services.config), time.monotonic()):
        raise errors.too_many(1)
    record = await classes.find(services, ClassId(call.part("class_id")))
    socket = web.WebSocketResponse(
        heartbeat=HEARTBEAT_S,
        max_msg_size=MAX_BYTES,
        compress=False,
        autoclose=True,
        autoping=False,  # aiohttp would answer a flood of pings in one go, and nobody else would get a turn
        timeout=PARTING_S,
    )
    await socket.prepare(request)
    _keep_little_in_the_kernel(request)
    try:
        await _converse(services, request, socket, record.id)
    except Parting as parting:
        await _part(socket, wire.ErrorFrame(parting.code), wire.CLOSE_CODES[parting.close])
    except (ConnectionError, TimeoutError):
        pass  # the browser went away in the middle of a send
    except Exception:  # the top frame of a connection; the middleware cannot answer on an upgraded one
        log.exception("on the live connection of class %s", record.id)
        await _part(socket, wire.ErrorFrame("server"), wire.CLOSE_CODES["server"])
    return socket


async def hang_up(app: web.Application) -> None:
    """At shutdown: those inside are told by their sessions, those who have not said hello are just let go."""
    unnamed = list(app[SERVICES].unnamed)
    await asyncio.gather(
        *(_part(socket, wire.ByeFrame("shutdown"), wire.CLOSE_CODES["shutdown"]) for socket in unnamed)
    )


def _keep_little_in_the_kernel(request: web.Request) -> None:
    """Linux would hold up to 4 MiB for a browser that reads nothing; the session is to notice long before."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER)


async def _converse(services: Services, request: web.Request, socket: web.WebSocketResponse, class_id: ClassId) -> None:
    services.unnamed.add(socket)
    try:
        hello = await _hello(socket, services.hello_within_s)
    finally:
        services.unnamed.discard(socket)
    session = await _enter(services, class_id, _admission(services, class_id, hello), hello)
    try:
        await Line(services, request, socket, session).run(hello)
    finally:
        session.leave()


async def _hello(socket: web.WebSocketResponse, within_s: float) -> wire.Hello:
    try:
        async with asyncio.timeout(within_s):
            message = await socket.receive()
    except TimeoutError:
        raise Parting("hello.timeout", "hello-timeout") from None
    if message.type is not WSMsgType.BINARY:
        raise Parting("hello.expected", "bad-frames")
    try:
        frame = wire.decode(message.data)
    except BadFrame as bad:
        raise Parting(bad.code, "bad-frames") from None
    if not isinstance(frame, wire.Hello):
        raise Parting("hello.expected", "bad-frames")
    return frame


def _admission(services: Services, class_id: ClassId, hello: wire.Hello) -> Admission:
    try:
        return services.tokens.take(hello.token, class_id, services.clock.now() // 1000)
    except TokenRefused as refused:
        raise Parting(refused.reason, "token") from None


async def _enter(services: Services, class_id: ClassId, admission: Admission, hello: wire.Hello) -> Session:
    # A client's name is its own invention: bound to the participant, it cannot mark another's commands as done.
    client = ClientId(f"{admission.participant}/{hello.client}")
    try:
        host = await services.hosts.get(class_id)
        return await host.enter(admission.participant, admission.name, admission.role, client, hello.last_seq)
    except KeyError:
        record = await classes.find(services, class_id)
        if record.ended_at:
            raise Parting("class.ended", "ended") from None
        # Set aside, or we are about to stop: only the catalogue can say that a class is over.
        raise Parting("class.unavailable", "server") from None
    except Refused as refused:
        raise Parting(refused.reason, _AFTER_REFUSAL.get(refused.reason, "refused")) from None


async def _part(socket: web.WebSocketResponse, last: wire.ServerFrame, code: int) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
        async with asyncio.timeout(PARTING_S):
            await socket.send_bytes(wire.encode(last))
            await socket.close(code=code)


class _Buckets(Struct):
    frames: Bucket
    commands: Bucket
    offers: Bucket
    watches: Bucket


class Line:
    """One connection that has said hello."""

    def __init__(
        self, services: Services, request: web.Request, socket: web.WebSocketResponse, session: Session
    ) -> None:
        self._services = services
        self._request = request
        self._socket = socket
        self._session = session
        self._bad_frames = 0
        self._answering = asyncio.Lock()
        now = time.monotonic()
        self._buckets = _Buckets(Bucket(FRAMES, now), Bucket(COMMANDS, now), Bucket(OFFERS, now), Bucket(WATCHES, now))
        self._wanted = wire.MediaWatch(())
        self._watching: asyncio.TimerHandle | None = None

    async def run(self, hello: wire.Hello) -> None:
        """Until either side ends it."""
        with self._services.metrics.sessions.track_inprogress():
            try:
                async with asyncio.TaskGroup() as tasks:
                    cutter = tasks.create_task(self._break_off(), name="line-cutter")
                    messages = aiter(self._session)
                    if await self._welcome(hello, messages):
                        writer = tasks.create_task(self._write(messages), name="line-writer")
                        await self._read()
                        writer.cancel()
                    cutter.cancel()
            except* ConnectionError:
                pass  # the browser went away in the middle of a send
            finally:
                if self._watching is not None:
                    self._watching.cancel()

    async def _welcome(self, hello: wire.Hello, messages: AsyncIterator[Message]) -> bool:
        """False: the session was over before it began, and that has been said."""
        session, now = self._session, self._services.clock.now()
        if session.resumed:
            seq, view = hello.last_seq or 0, None
        else:
            first = await anext(messages)
            if isinstance(first, Bye):
                await _part(self._socket, wire.ByeFrame(first.reason.value), wire.CLOSE_CODES[first.reason.value])
                return False
            if not isinstance(first, FreshView):
                raise RuntimeError(f"a session that begins with {type(first).__name__}")
            seq, view = first.view.seq, first.view
        entries = () if view is None else None
        await self._send(wire.Welcome(session.participant, session.role, now, seq, view, entries))
        return True

    async def _write(self, messages: AsyncIterator[Message]) -> None:
        """Pass on what the session tells; its last word closes the socket, which ends the reader."""
        reason = "gone"
        try:
            async for message in messages:
                frame = self._services.phrases.encode(message, self._services.clock.now())
                if isinstance(message, Bye):
                    reason = message.reason.value
                    async with self._answering:  # who ends the class or leaves is first told that it is done
                        await self._socket.send_bytes(frame)
                    break
                await self._socket.send_bytes(frame)
            await self._socket.close(code=wire.CLOSE_CODES.get(reason, wire.CLOSE_CODES["server"]))
        except ConnectionError:
            pass  # the reader sees it too
        finally:
            self._services.metrics.byes.labels(reason).inc()

    async def _break_off(self) -> None:
        """A session that was cut says Bye if it can; a browser that takes nothing is hung up on."""
        await self._session.wait_cut()
        await asyncio.sleep(PARTING_S)
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.ERROR:
                return  # larger than MAX_BYTES, or not WebSocket at all: aiohttp has closed it with the code for that
            await _until(self._buckets.frames)
            if message.type is WSMsgType.PONG:
                continue
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
                continue
            try:
                if message.type is not WSMsgType.BINARY:
                    raise BadFrame("frame.text")
                await self._take(wire.decode(message.data))
            except BadFrame as bad:
                if not await self._forgive(bad):
                    return

    async def _forgive(self, bad: BadFrame) -> bool:
        """Say what was wrong; False after the twentieth time."""
        self._bad_frames += 1
        self._services.metrics.bad_frames.labels(bad.code).inc()
        if self._bad_frames < wire.BAD_FRAMES_ALLOWED:
            await self._send(wire.ErrorFrame(bad.code))
            return True
        await _part(self._socket, wire.ByeFrame("bad-frames"), wire.CLOSE_CODES["bad-frames"])
        return False

    async def _take(self, frame: wire.ClientMessage) -> None:
        self._services.metrics.frames_in.labels(type(frame).__struct_config__.tag).inc()
        match frame:
            case wire.Ping(n):
                await self._send(wire.Pong(n, self._services.clock.now()))
            case wire.CommandFrame():
                await self._command(frame)
            case wire.PulseFrame(pulse):
                self._session.pulse(pulse)
            case wire.MediaOffer():
                await self._offer(frame)
            case wire.MediaWatch():
                self._watch(frame)
            case wire.Hello():
                raise BadFrame("hello.again")
            case _:
                assert_never(frame)

    async def _command(self, frame: wire.CommandFrame) -> None:
        await _until(self._buckets.commands)
        metrics = self._services.metrics
        async with self._answering:
            try:
                seq = await self._session.submit(frame.command, frame.counter)
            except Refused as refused:
                metrics.refusals.inc()
                await self._send(wire.RefusedFrame(frame.counter, refused.reason))
            else:
                metrics.commands.inc()
                await self._send(wire.Ack(frame.counter, seq))

    async def _offer(self, frame: wire.MediaOffer) -> None:
        if not self._buckets.offers.take(time.monotonic()):
            await self._send(wire.ErrorFrame("media.too-many-offers"))
            return
        try:
            answer = await self._session.offer(frame.sdp, frame.sources)
        except Refused as refused:
            await self._send(wire.ErrorFrame(refused.reason))
        except ValueError:
            await self._send(wire.ErrorFrame("media.offer-unusable"))
        else:
            await self._send(wire.MediaAnswer(answer.sdp, dict(answer.slots)))

    def _watch(self, wanted: wire.MediaWatch) -> None:
        """Only the latest wish counts; wishes faster than they can be granted are granted a little later."""
        self._wanted = wanted
        if self._watching is not None:
            return
        wait_s = self._buckets.watches.wait_s(time.monotonic())
        if wait_s == 0:
            self._watch_now()
        else:
            self._watching = asyncio.get_running_loop().call_later(wait_s, self._watch_now)

    def _watch_now(self) -> None:
        self._watching = None
        self._buckets.watches.take(time.monotonic())
        wishes = [Wish(ParticipantId(w.participant), w.source, w.quality) for w in self._wanted.wanted]
        self._session.watch(wishes, self._wanted.cameras)

    async def _send(self, frame: wire.ServerFrame) -> None:
        await self._socket.send_bytes(wire.encode(frame))


async def _until(bucket: Bucket) -> None:
    """Take one token, when there is one."""
    while not bucket.take(time.monotonic()):  # noqa: ASYNC110, time itself fills the bucket
        await asyncio.sleep(bucket.wait_s(time.monotonic()))
