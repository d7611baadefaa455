"""Passive ICE-TCP (RFC 6544, framing RFC 4571) on the same port number, for networks that let no UDP through.

A connection is a path like any other: it carries the same STUN, DTLS and SRTP, each behind a 16-bit length. Until it
has spoken authenticated STUN it is a stranger with a few seconds and a few bytes to do so.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable

from server.media.net.link import Link
from server.media.net.udpmux import Address, UdpMux, dispatch

TCP_NOTSENT_LOWAT = 25
_MIN_FRAME_BYTES = 12
_MAX_FRAME_BYTES = 1500

# More than that queued means the network cannot keep up. Fresh media is worth more, and sound more than pictures: what
# is small is sound, feedback or a check.
_MAX_BACKLOG_BYTES = 64 << 10
_MAX_BACKLOG_OF_PICTURES_BYTES = 48 << 10
_SMALL_BYTES = 400

# What the kernel takes beyond what is on its way (tcp(7)): else it would queue megabytes out of our sight.
_NOT_SENT_BYTES = 16 << 10

_STRANGER_SECONDS = 5.0
_LINGER_SECONDS = 1.0

# Strangers cost a file descriptor each; participants come over the WebSocket first and are not counted here.
_MAX_STRANGERS = 64

# Whoever is known by then has sent one check, or a few while the server did not know of him yet.
_MOST_FRAMES_OF_A_STRANGER = 16


class TcpListener:
    """Accepts connections on one port and keeps count of strangers."""

    def __init__(self, mux: UdpMux, clock: Callable[[], int], counts: Counter[str]) -> None:
        self.mux = mux
        self.clock = clock
        self.counts = counts
        self.paths: set[TcpPath] = set()
        self.strangers = 0
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> None:
        """Start accepting. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        # asyncio takes "::" for IPv6 alone, None for both families, as our UDP socket does.
        self._server = await loop.create_server(lambda: TcpPath(self), None if host == "::" else host, port)

    async def close(self) -> None:
        """Stop accepting and drop every connection."""
        if self._server is not None:
            self._server.close()
        for path in tuple(self.paths):
            path.close()
        if self._server is not None:
            await self._server.wait_closed()


class TcpPath(asyncio.Protocol):
    """One accepted connection."""

    def __init__(self, listener: TcpListener) -> None:
        self._listener = listener
        self._counts = listener.counts
        self._link: Link | None = None
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.address: Address = ("", 0)
        self._frames_of_a_stranger = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the stranger's few seconds."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a TCP server makes transports that read and write")
        self._transport = transport
        with contextlib.suppress(OSError):  # only a slow network is the worse for it
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, _NOT_SENT_BYTES)
        host, port = transport.get_extra_info("peername")[:2]
        self.address = (host.removeprefix("::ffff:"), port)
        listener = self._listener
        listener.paths.add(self)
        listener.strangers += 1
        self._counts["tcp-accepted"] += 1
        if listener.strangers > _MAX_STRANGERS:
            self._counts["tcp-too-many-strangers"] += 1
            transport.abort()
            return
        self._patience = asyncio.get_running_loop().call_later(_STRANGER_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The path is gone; the link may have others."""
        self._listener.paths.discard(self)
        if self._patience is not None:
            self._patience.cancel()
        if self._link is None:
            self._listener.strangers -= 1
        else:
            self._link.ice.forget(self)
            self._link = None
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Cut the stream into frames; a frame of an impossible length ends the connection."""
        self._buffer += data
        position = 0
        while len(self._buffer) - position >= 2 and self._transport is not None and not self._transport.is_closing():
            size = int.from_bytes(self._buffer[position : position + 2], "big")
            if not _MIN_FRAME_BYTES <= size <= _MAX_FRAME_BYTES:
                self._counts["drop-tcp-frame"] += 1
                self._transport.abort()
                return
            if len(self._buffer) - position - 2 < size:
                break
            try:
                self._take(bytes(self._buffer[position + 2 : position + 2 + size]))
            except Exception:  # noqa: BLE001  one frame must not cost the others of its connection
                self._listener.mux.dropped_on_error()
            position += 2 + size
        del self._buffer[:position]
        self._listener.mux.after_burst()

    def _take(self, datagram: bytes) -> None:
        now_us = self._listener.clock()
        link = self._link
        if link is None:
            self._frames_of_a_stranger += 1
            if self._frames_of_a_stranger > _MOST_FRAMES_OF_A_STRANGER:
                self._counts["drop-stranger"] += 1
                self.close()
                return
        if datagram[0] < 4:
            named = self._listener.mux.addressee(datagram)
            if named is None or (link is not None and named is not link):
                return
            if named.check(datagram, self, now_us) and link is None:
                self._link = named
                self._listener.strangers -= 1
                if self._patience is not None:
                    self._patience.cancel()
                self._listener.mux.trim(named)
        elif link is None:
            self._counts["drop-stranger"] += 1
            self.close()
        else:
            dispatch(link, datagram, self, now_us, self._counts)

    def send(self, datagram: bytes) -> None:
        """Frame and write; see Path."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self._counts["send-tcp-closed"] += 1
        elif transport.get_write_buffer_size() > (
            _MAX_BACKLOG_BYTES if len(datagram) <= _SMALL_BYTES else _MAX_BACKLOG_OF_PICTURES_BYTES
        ):
            self._counts["send-tcp-backlog"] += 1
        else:
            transport.write(len(datagram).to_bytes(2, "big") + datagram)

    def close(self) -> None:
        """Flush (there may be a close_notify under way) and close; a peer that does not read is cut."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.abort)
