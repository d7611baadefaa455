"""What came to the one socket since it was last looked at: each datagram with its sender and the kernel's time.

Where there is a C compiler native/intake.pyx does this: a burst with one system call, and media of connected peers
opened and read at once (link.py). Here is the same in Python, datagram by datagram. best.py chooses.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from server.media.net import pktinfo

MOST_DATAGRAMS = 256
"""One wake-up reads no more, so that a flood cannot starve signalling on the same loop."""

LEAST_BYTES, MOST_BYTES = 12, 1500
"""Of anything that is worth a look."""

SO_TIMESTAMPNS = 35
"""Linux, asm-generic/socket.h: not in Python's socket module before 3.14. The control message has the same number."""

LONGEST_QUEUE_US = 1_000_000
"""A kernel stamp further off than this is a wall clock that was just set, not a queue."""

_TIMESPEC = struct.Struct("@qq")

MOST_CONTROL_BYTES = 128

Take = Callable[[bytes, tuple[str, int], bytes, int], None]
"""Gets a datagram of an acceptable size, its sender as sockets name it, the address of ours it came to (pktinfo.py),
and its arrival in microseconds.
"""

Failed = Callable[[], None]
"""Called with an exception of `Take` at hand: one datagram must not cost the others of its burst."""

Open = Callable[[socket.socket, Mapping[object, object], Take, Failed, "Counter[str]"], "Intake"]
"""Makes an intake for a socket and the table of those we know: from a sender to a tuple that begins with its link."""


class Intake(Protocol):
    """Reads a socket that does not block."""

    @property
    def native(self) -> bool:
        """Whether it is the compiled one."""

    def drain(self, now_us: int, wall_us: int) -> None:
        """Take what waits, up to MOST_DATAGRAMS. Both are the same moment: on our clock, and on the system's."""


class PureIntake:
    """See Intake."""

    native = False

    def __init__(
        self,
        udp: socket.socket,
        by_address: Mapping[object, object],
        take: Take,
        failed: Failed,
        counts: Counter[str],
    ) -> None:
        self._receive = udp.recvmsg
        self._take = take
        self._failed = failed
        self._counts = counts

    def drain(self, now_us: int, wall_us: int) -> None:
        """See Intake."""
        for _ in range(MOST_DATAGRAMS):
            try:
                datagram, control, _, source = self._receive(2048, MOST_CONTROL_BYTES)
            except BlockingIOError:
                break
            except OSError as error:  # an ICMP complaint about something we sent; the next read is fine
                self._counts[f"recv-{errno.errorcode.get(error.errno or 0, 'unknown')}"] += 1
                continue
            if not LEAST_BYTES <= len(datagram) <= MOST_BYTES:
                self._counts["drop-size"] += 1
                continue
            arrival_us = now_us
            for level, kind, value in control:
                if (level, kind) != (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    continue
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                queued_us = wall_us - seconds * 1_000_000 - nanoseconds // 1000
                if -LONGEST_QUEUE_US < queued_us < LONGEST_QUEUE_US:
                    arrival_us = now_us - queued_us
            try:
                self._take(datagram, source, pktinfo.told(control), arrival_us)
            except Exception:  # noqa: BLE001  one datagram must not cost the others of its burst
                self._failed()
