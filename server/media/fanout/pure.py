"""Fan-out in Python: write, protect in place in one arena, then one `sendmmsg` whose messages are GSO runs.

    arena   | packet 0 .... | packet 1 .... | packet 2 .... |     slots of equal stride, protected in place
    iovecs  |   |   |   |                                         one per slot, only the length changes
    mmsghdr |  0..1  | 2 |                                        one per run of equal sizes to one address

UDP GSO (UDP_SEGMENT) lets the kernel walk its stack once per run instead of once per datagram: 2 us a packet instead
of 5. Not every path takes it: EIO, EINVAL, ENOPROTOOPT or EOPNOTSUPP turn it off for good, and off Linux there is
`sendto`. TCP paths get their frames one by one.
"""

from __future__ import annotations

import ctypes
import errno
import struct
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from server.media.fanout import Departures, Flow, gather
from server.media.net.srtp import TRAILER_BYTES, ffi, lib
from server.media.net.udpmux import UdpMux, UdpPath
from server.media.rtp.header import OUTGOING_SIZE
from server.media.rtp.rewrite import StreamRewriter
from server.media.rtp.sent import SentLog
from server.media.rtp.source import Packet

_STRIDE = 2048
_SLOTS = 512
_LARGEST_PAYLOAD = _STRIDE - OUTGOING_SIZE - 2 - TRAILER_BYTES  # 2: a retransmission's original number

# The kernel takes 64 segments and 64 KiB per message; below both with room for IP headers.
_MAX_RUN = 40
_MAX_RUN_BYTES = 60_000

_MESSAGE = struct.Struct("@QIxxxxQQQQixxxxIxxxx")  # struct mmsghdr on any 64-bit Linux
_CONTROL = struct.Struct("@QiiHxxxxxx")  # struct cmsghdr with one u16
_CONTROL_LENGTH = 18
_SOL_UDP = 17
_UDP_SEGMENT = 103
_MSG_DONTWAIT = 0x40

_GSO_REFUSED = frozenset((errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP))
_TRY_LATER = frozenset((errno.EAGAIN, errno.ENOBUFS))


SendMessages = Callable[[int, ctypes.c_void_p, int, int], int]
"""`sendmmsg(2)`: -1 with `ctypes.get_errno()` set, or how many messages went out."""


def _find_sendmmsg() -> SendMessages | None:
    if sys.platform != "linux" or sys.byteorder != "little" or struct.calcsize("P") != 8:
        return None  # the layouts above are those of a little-endian 64-bit Linux
    found: SendMessages | None = getattr(ctypes.CDLL(None, use_errno=True), "sendmmsg", None)
    return found


SENDMMSG = _find_sendmmsg()


class PureFanOut:
    """See FanOut."""

    native = False

    def __init__(self, mux: UdpMux, counts: Counter[str], sendmmsg: SendMessages | None = SENDMMSG) -> None:
        self._mux = mux
        self._counts = counts
        self._arena = ffi.new("char[]", _STRIDE * _SLOTS)
        self._view = memoryview(ffi.buffer(self._arena))
        self._slots = [self._arena + _STRIDE * slot for slot in range(_SLOTS)]
        self._length = ffi.new("int *")
        base = int(ffi.cast("uintptr_t", self._arena))
        self._iovecs = array("Q", (word for slot in range(_SLOTS) for word in (base + _STRIDE * slot, 0)))
        self._messages = (ctypes.c_char * (_MESSAGE.size * _SLOTS))()
        self._controls = (ctypes.c_char * (_CONTROL.size * _SLOTS))()
        self._runs: list[tuple[UdpPath, int, int]] = []
        self._used = 0
        self._now_us = 0
        self._sendmmsg = sendmmsg
        self.gso = sendmmsg is not None
        """Whether runs are still sent as one message; never comes back once off."""

    def send(self, departing: Iterable[Departures], flows: Iterable[Flow], now_us: int) -> None:
        """See FanOut."""
        self._now_us = now_us
        for departures in gather(departing, flows):
            srtp, path = departures.link.srtp, departures.link.ice.selected
            if srtp is None or path is None:
                self._counts["drop-not-connected"] += sum(len(packets) for _, packets, _ in departures.parcels)
            elif isinstance(path, UdpPath):
                self._gather(departures, srtp.sending_handle, path)
            else:
                self._flush()
                for rewriter, packet, again in _one_by_one(departures):
                    size = self._write(0, departures.log, srtp.sending_handle, rewriter, packet, again)
                    if size:
                        self._counts["rtp-out"] += 1
                        path.send(bytes(self._view[:size]))
            departures.parcels.clear()
        self._flush()

    def _gather(self, departures: Departures, handle: object, path: UdpPath) -> None:
        """Protect the parcels into the arena and cut them into runs of equal size (the last may be shorter)."""
        iovecs = self._iovecs
        first = slot = self._used
        run_size = run_bytes = 0
        for rewriter, packet, again in _one_by_one(departures):
            if slot == _SLOTS:
                self._end_run(path, first, slot)
                self._flush()
                first = slot = 0
            size = self._write(slot, departures.log, handle, rewriter, packet, again)
            if size == 0:
                continue
            if slot > first and (size > run_size or slot - first == _MAX_RUN or run_bytes + size > _MAX_RUN_BYTES):
                self._end_run(path, first, slot)
                first = slot
            if slot == first:
                run_size, run_bytes = size, 0
            run_bytes += size
            iovecs[2 * slot + 1] = size
            slot += 1
            if size < run_size:
                self._end_run(path, first, slot)
                first = slot
        self._end_run(path, first, slot)

    def _end_run(self, path: UdpPath, first: int, slot: int) -> None:
        if slot > first:
            self._runs.append((path, first, slot - first))
        self._used = slot

    def _write(
        self, slot: int, log: SentLog, handle: object, rewriter: StreamRewriter, packet: Packet, again: bool
    ) -> int:
        """One protected packet at `slot`; its size, or 0 if the viewer gets nothing."""
        if len(packet.payload) > _LARGEST_PAYLOAD:
            self._counts["drop-too-long"] += 1
            return 0
        write = rewriter.write_again if again else rewriter.write
        length = self._length
        length[0] = write(packet, self._view, slot * _STRIDE, log.next_seq)
        if length[0] == 0:
            return 0
        if lib.srtp_protect(handle, self._slots[slot], length) != 0:
            self._counts["drop-protect"] += 1
            length[0] = 0
        size: int = length[0]
        log.note(size, self._now_us)
        return size

    def _flush(self) -> None:
        runs, self._runs, self._used = self._runs, [], 0
        if not runs:
            return
        self._counts["rtp-out"] += sum(count for _, _, count in runs)
        if self._sendmmsg is None:
            for path, first, count in runs:
                for slot in range(first, first + count):
                    path.send(bytes(self._view[slot * _STRIDE : slot * _STRIDE + self._iovecs[2 * slot + 1]]))
        elif self.gso and self._send_messages(self._sendmmsg, runs):
            return
        else:
            self._send_messages(
                self._sendmmsg, [(p, s, 1) for p, first, count in runs for s in range(first, first + count)]
            )

    def _send_messages(self, sendmmsg: SendMessages, runs: list[tuple[UdpPath, int, int]]) -> bool:
        """Send every run; False if GSO was refused, and then what was not sent is left in `runs`."""
        iovecs_at = self._iovecs.buffer_info()[0]
        messages_at, controls_at = ctypes.addressof(self._messages), ctypes.addressof(self._controls)
        for index, (path, first, count) in enumerate(runs):
            control_at = control_length = 0
            if count > 1:
                control_at, control_length = controls_at + index * _CONTROL.size, _CONTROL.size
                segment = self._iovecs[2 * first + 1]
                _CONTROL.pack_into(
                    self._controls, index * _CONTROL.size, _CONTROL_LENGTH, _SOL_UDP, _UDP_SEGMENT, segment
                )
            _MESSAGE.pack_into(
                self._messages,
                index * _MESSAGE.size,
                path.sockaddr_at,
                path.sockaddr_bytes,
                iovecs_at + 16 * first,
                count,
                control_at,
                control_length,
                0,
                0,
            )
        fd = self._mux.socket.fileno()
        sent = 0
        while sent < len(runs):
            done = sendmmsg(fd, ctypes.c_void_p(messages_at + sent * _MESSAGE.size), len(runs) - sent, _MSG_DONTWAIT)
            if done > 0:
                sent += done
                continue
            error = ctypes.get_errno()
            if error in _GSO_REFUSED and runs[sent][2] > 1:
                self.gso = False
                self._counts["gso-refused"] += 1
                del runs[:sent]
                return False
            if error == errno.EINTR:
                continue
            self._counts[f"send-{errno.errorcode.get(error, 'unknown')}"] += runs[sent][2]
            if error in _TRY_LATER:
                # The send buffer is full; what follows would only be later still.
                self._counts["drop-send-buffer"] += sum(count for _, _, count in runs[sent + 1 :])
                break
            sent += 1  # this address alone cannot be reached
        return True


def _one_by_one(departures: Departures) -> Iterator[tuple[StreamRewriter, Packet, bool]]:
    for rewriter, packets, again in departures.parcels:
        for packet in packets:
            yield rewriter, packet, again
