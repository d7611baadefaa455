"""One UDP port for everyone: who sent this datagram, and what is it (RFC 7983)?

A source we do not know may only speak authenticated STUN. Whatever else it sends is counted and dropped: no answer,
no log line, no memory. A source is known once a binding request with one of our user fragments and the right password
came from it. One address belongs to one link; another may take it over only when the first has gone quiet.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import ipaddress
import logging
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable

from server.media.net import pktinfo
from server.media.net.best import open_intake
from server.media.net.ice import Path, addressee
from server.media.net.intake import SO_TIMESTAMPNS, Intake, Open
from server.media.net.link import Link

_BUFFER_BYTES = 4 << 20

# Two missed consent checks: whoever held the address is gone or has moved.
_QUIET_US = 5_000_000

_COMPLAINT_INTERVAL_US = 10_000_000

Address = tuple[str, int]

logger = logging.getLogger(__name__)


class UdpPath:
    """A peer's UDP address, seen from our one socket and from the address of ours that it speaks to (pktinfo.py).

    `sockaddr_at` is where its `struct sockaddr` lies in memory, `control_at` where the `struct cmsghdr` for ours.
    """

    __slots__ = (
        "_ancillary",
        "_mux",
        "_sockaddr",
        "address",
        "control",
        "control_at",
        "control_bytes",
        "destination",
        "local",
        "sockaddr_at",
        "sockaddr_bytes",
    )

    def __init__(
        self, mux: UdpMux, destination: tuple[str, int] | tuple[str, int, int, int], local: bytes = b""
    ) -> None:
        self._mux = mux
        self.destination = destination
        self.local = local
        host, port = destination[:2]
        self.address: Address = (host.removeprefix("::ffff:"), port)
        self._sockaddr = _sockaddr(destination)
        self.sockaddr_bytes = len(self._sockaddr)
        self.sockaddr_at = _place(self._sockaddr)
        self._ancillary = pktinfo.answering(local, destination[3] if len(destination) == 4 else 0)
        self.control = pktinfo.packed(self._ancillary)
        self.control_bytes = len(self.control)
        self.control_at = _place(self.control) if self.control else 0

    def send(self, datagram: bytes) -> None:
        """One system call; see Path."""
        self._mux.send(datagram, self.destination, self._ancillary)

    def close(self) -> None:
        """An address needs no closing."""


def _place(memory: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(memory), ctypes.c_void_p).value or 0


def _sockaddr(destination: tuple[str, int] | tuple[str, int, int, int]) -> bytes:
    """`struct sockaddr_in` or `sockaddr_in6`, for the system calls that Python does not wrap."""
    if len(destination) == 2:
        host, port = destination
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))
    host, port, flow, scope = destination
    address = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI16s", port, flow, address) + struct.pack("=I", scope)


class UdpMux:
    """Owns the socket, and the tables from user fragment and address to link."""

    def __init__(
        self, udp: socket.socket, clock: Callable[[], int], counts: Counter[str], intake: Open = open_intake
    ) -> None:
        self.socket = udp
        self._clock = clock
        self._counts = counts
        self._by_ufrag: dict[str, Link] = {}
        self._by_address: dict[object, tuple[Link, UdpPath]] = {}
        self.intake: Intake = intake(udp, self._by_address, self._take, self.dropped_on_error, counts)
        self._complained_us = -_COMPLAINT_INTERVAL_US
        self.after_burst: Callable[[], None] = lambda: None
        """Called once after each wake-up that read something: the hot path sends here."""

    @classmethod
    def open(
        cls, host: str, port: int, clock: Callable[[], int], counts: Counter[str], intake: Open = open_intake
    ) -> UdpMux:
        """Bind and start reading on the running loop. Port 0 takes a free one."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                udp.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
            with contextlib.suppress(OSError):  # user-space time is the fallback
                udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            if family == socket.AF_INET6:
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            if ipaddress.ip_address(host).is_unspecified:
                pktinfo.ask(udp)
            udp.bind((host, port))
        except OSError:
            udp.close()
            raise
        mux = cls(udp, clock, counts, intake)
        asyncio.get_running_loop().add_reader(udp, mux.drain)
        return mux

    @property
    def port(self) -> int:
        """The port everyone is told."""
        port: int = self.socket.getsockname()[1]
        return port

    def close(self) -> None:
        """Stop reading and give the port back."""
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()

    def add(self, link: Link) -> None:
        """Listen for a link's user fragments."""
        for ufrag in link.ice.ufrags():
            self._by_ufrag[ufrag] = link

    def remove(self, link: Link) -> None:
        """Its user fragments and its addresses are strangers again."""
        self.forget_ufrags(link)
        for path in link.ice.paths():
            self._forget(link, path)

    def forget_ufrags(self, link: Link) -> None:
        """Its user fragments are strangers again; its addresses are not."""
        for ufrag in link.ice.ufrags():
            self._by_ufrag.pop(ufrag, None)

    def drain(self) -> None:
        """Read until there is no more, or enough for one turn of the loop."""
        self.intake.drain(self._clock(), time.time_ns() // 1000)
        self.after_burst()

    def dropped_on_error(self) -> None:
        """Taking a datagram has just raised an exception."""
        self._counts["drop-error"] += 1
        now_us = self._clock()
        if now_us - self._complained_us > _COMPLAINT_INTERVAL_US:
            self._complained_us = now_us
            logger.exception("a datagram was dropped on an error of ours; more are only counted for a while")

    def _take(self, datagram: bytes, source: tuple[str, int], local: bytes, arrival_us: int) -> None:
        known = self._by_address.get(source)
        if datagram[0] < 4:
            self._stun(datagram, known, source, local)
        elif known is None:
            self._counts["drop-stranger"] += 1
        else:
            dispatch(known[0], datagram, known[1], arrival_us, self._counts)

    def addressee(self, datagram: bytes) -> Link | None:
        """The link a STUN datagram names; it has proved nothing yet."""
        ufrag = addressee(datagram)
        link = self._by_ufrag.get(ufrag) if ufrag is not None else None
        if link is None:
            self._counts["drop-stun"] += 1
        return link

    def _stun(self, datagram: bytes, known: tuple[Link, UdpPath] | None, source: tuple[str, int], local: bytes) -> None:
        link = self.addressee(datagram)
        if link is None or source[1] == 0:  # to port 0 nothing can be sent
            return
        now_us = self._clock()
        is_ours = known is not None and known[0] is link
        if known is not None and is_ours and known[1].local == local:
            link.check(datagram, known[1], now_us)
            return
        if known is not None and not is_ours and now_us - known[0].ice.heard_us < _QUIET_US:
            self._counts["drop-address-taken"] += 1
            return
        path = self._known_path(link, source, local) or UdpPath(self, source, local)
        if not link.check(datagram, path, now_us):
            return
        if known is not None and not is_ours:
            self._forget(*known)
        if not is_ours or link.ice.selected is path:  # a browser may try several of our addresses from one of its own
            self._by_address[source] = (link, path)
        self.trim(link)

    def _known_path(self, link: Link, source: tuple[str, int], local: bytes) -> UdpPath | None:
        paths = (path for path in link.ice.paths() if isinstance(path, UdpPath))
        return next((path for path in paths if path.destination == source and path.local == local), None)

    def trim(self, link: Link) -> None:
        """Give up the stalest path of a link that has gathered too many."""
        surplus = link.ice.surplus()
        if surplus is not None:
            self._forget(link, surplus)

    def _forget(self, link: Link, path: Path) -> None:
        link.ice.forget(path)
        if isinstance(path, UdpPath):
            known = self._by_address.get(path.destination)
            if known is not None and known[1] is path:
                del self._by_address[path.destination]
        path.close()

    def send(
        self,
        datagram: bytes,
        destination: tuple[str, int] | tuple[str, int, int, int],
        ancillary: pktinfo.Ancillary = (),
    ) -> None:
        """One datagram, now or never: a full buffer drops it (media is only worth anything while fresh)."""
        try:
            self.socket.sendmsg((datagram,), ancillary, 0, destination)
        except OSError as error:
            self._counts[f"send-{errno.errorcode.get(error.errno or 0, 'unknown')}"] += 1


def dispatch(link: Link, datagram: bytes, path: Path, arrival_us: int, counts: Counter[str]) -> None:
    """Give a link what is not STUN, by its first byte (RFC 7983 7). At least 12 bytes, from a path of the link's."""
    first = datagram[0]
    if 128 <= first < 192:
        link.media(datagram, arrival_us)
    elif 20 <= first < 64:
        link.dtls(datagram, path)
    else:
        counts["drop-kind"] += 1
