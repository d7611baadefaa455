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
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from server.media.fanout import Departures, Flow, gather
from server.media.net.ice import Path
from server.media.net.srtp import TRAILER_BYTES, ffi, lib
from server.media.net.udpmux import UdpMux, UdpPath
from server.media.rtp.header import OUTGOING_SIZE
from server.media.rtp.sent import Sent, SentLog, sent_together
from server.media.rtp.source import Packet
from server.media.rtp.template import Burst, take_apart

_STRIDE = 2048
_SLOTS = 512
_LARGEST_PAYLOAD = _STRIDE - OUTGOING_SIZE - 2 - TRAILER_BYTES  # 2: a retransmission's original number

# The kernel takes 64 segments and 64 KiB per message; below both with room for IP headers.
_MAX_RUN = 40
_MAX_RUN_BYTES = 60_000

_MESSAGE_BYTES = 64  # struct mmsghdr on any 64-bit Linux: eight words, where the byte order is little-endian
_CONTROL = struct.Struct("@QiiHxxxxxx")  # struct cmsghdr with one u16
_CONTROL_LENGTH = 18
_SOL_UDP = 17
_UDP_SEGMENT = 103
_MSG_DONTWAIT = 0x40

srtp_protect = lib.srtp_protect

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
        lengths = ffi.new("int[]", _SLOTS)
        self._lengths = memoryview(ffi.buffer(lengths)).cast("B").cast("i")
        self._slots = [(self._arena + _STRIDE * slot, lengths + slot) for slot in range(_SLOTS)]
        base = int(ffi.cast("uintptr_t", self._arena))
        self._iovecs = array("Q", (word for slot in range(_SLOTS) for word in (base + _STRIDE * slot, 0)))
        # A control message for every size, as most runs of a burst have the same.
        self._controls = ctypes.create_string_buffer(
            b"".join(_CONTROL.pack(_CONTROL_LENGTH, _SOL_UDP, _UDP_SEGMENT, size) for size in range(_STRIDE))
        )
        self._joint_controls: dict[tuple[bytes, int], tuple[ctypes.Array[ctypes.c_char], int, int]] = {}
        self._runs: list[tuple[UdpPath, int, int]] = []
        self._used = 0
        self._sizes: list[int] = []  # of the packets of the viewer at hand, in the slots from `_used` on
        self._shape = _NO_SHAPE
        self._now_us = 0
        self._sendmmsg = sendmmsg
        self.gso = sendmmsg is not None
        """Whether runs are still sent as one message; never comes back once off."""

    def send(self, departing: Iterable[Departures], flows: Iterable[Flow], now_us: int) -> None:
        """See FanOut."""
        self._now_us, self._shape = now_us, _NO_SHAPE
        batch = gather(departing, flows)
        bursts: dict[int, Burst | None] = {}  # by the identity of their packets, which the batch holds
        for departures in batch:
            srtp, path = departures.link.srtp, departures.link.ice.selected
            if srtp is None or path is None:
                self._counts["drop-not-connected"] += sum(len(packets) for _, packets, _ in departures.parcels)
            else:
                self._gather(departures, srtp.sending_handle, path, bursts)
        for departures in batch:
            departures.parcels.clear()
        self._flush()

    def _gather(self, departures: Departures, handle: object, path: Path, bursts: dict[int, Burst | None]) -> None:
        """Protect what one viewer gets into the arena."""
        log = departures.log
        for rewriter, packets, again in departures.parcels:
            if not again:
                if id(packets) not in bursts:
                    bursts[id(packets)] = _take_apart(packets)
                burst = bursts[id(packets)]
                if burst is not None:
                    at = self._room(len(packets), log, path)
                    if rewriter.write_burst(burst, self._view, at, _STRIDE, log.next_seq + len(self._sizes) & 0xFFFF):
                        self._protect(handle, burst.sizes)
                        continue
            write = rewriter.write_again if again else rewriter.write
            for packet in packets:
                if len(packet.payload) > _LARGEST_PAYLOAD:
                    self._counts["drop-too-long"] += 1
                    continue
                at = self._room(1, log, path)
                size = write(packet, self._view, at, log.next_seq + len(self._sizes) & 0xFFFF)
                if size:
                    self._protect(handle, array("i", (size,)))
        self._leave(log, path)

    def _room(self, count: int, log: SentLog, path: Path) -> int:
        """Where in the arena the next `count` packets of this viewer go."""
        if self._used + len(self._sizes) + count > _SLOTS:
            self._leave(log, path)
            self._flush()
        return (self._used + len(self._sizes)) * _STRIDE

    def _protect(self, handle: object, sizes: array[int]) -> None:
        """Protect the next packets where they lie."""
        slot = self._used + len(self._sizes)
        end = slot + len(sizes)
        self._lengths[slot:end] = sizes
        for place, length in self._slots[slot:end]:
            if srtp_protect(handle, place, length):
                self._counts["drop-protect"] += 1
                length[0] = 0
        self._sizes += self._lengths[slot:end]

    def _leave(self, log: SentLog, path: Path) -> None:
        """Note what one viewer gets, and let it go out at the next flush; on TCP at once."""
        sizes, self._sizes = self._sizes, []
        if not sizes:
            return
        if sizes != self._shape.sizes:
            self._shape = _shape(sizes, self._now_us)
        shape, first = self._shape, self._used
        log.note_all(shape.sent)
        if isinstance(path, UdpPath):
            self._iovecs[2 * first + 1 : 2 * (first + len(sizes)) : 2] = shape.lengths
            for begin, count in shape.runs:
                self._runs.append((path, first + begin, count))
            self._used += len(sizes)
            return
        for slot, size in enumerate(sizes, first):
            if size:
                self._counts["rtp-out"] += 1
                path.send(bytes(self._view[slot * _STRIDE : slot * _STRIDE + size]))

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

    def _joint(self, control: bytes, size: int) -> tuple[ctypes.Array[ctypes.c_char], int, int]:
        """Both messages for a run that leaves from a certain address of ours: the memory, where it lies, its length."""
        known = self._joint_controls.get((control, size))
        if known is None:
            joint = control + _CONTROL.pack(_CONTROL_LENGTH, _SOL_UDP, _UDP_SEGMENT, size)
            memory = ctypes.create_string_buffer(joint)
            known = self._joint_controls[control, size] = (memory, ctypes.addressof(memory), len(joint))
        return known

    def _send_messages(self, sendmmsg: SendMessages, runs: list[tuple[UdpPath, int, int]]) -> bool:
        """Send every run; False if GSO was refused, and then what was not sent is left in `runs`."""
        iovecs = self._iovecs
        iovecs_at, controls_at = iovecs.buffer_info()[0], ctypes.addressof(self._controls)
        words: list[int] = []
        for path, first, count in runs:
            if count == 1:
                control_at, control_length = path.control_at, path.control_bytes
            elif path.control_bytes:
                _, control_at, control_length = self._joint(path.control, iovecs[2 * first + 1])
            else:
                control_at, control_length = controls_at + iovecs[2 * first + 1] * _CONTROL.size, _CONTROL.size
            words += path.sockaddr_at, path.sockaddr_bytes, iovecs_at + 16 * first, count
            words += control_at, control_length, 0, 0
        messages = array("Q", words)
        messages_at = messages.buffer_info()[0]
        fd = self._mux.socket.fileno()
        sent = 0
        while sent < len(runs):
            done = sendmmsg(fd, ctypes.c_void_p(messages_at + sent * _MESSAGE_BYTES), len(runs) - sent, _MSG_DONTWAIT)
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


def _take_apart(packets: Sequence[Packet]) -> Burst | None:
    """None if they must be written one by one."""
    if len(packets) > _SLOTS or any(len(packet.payload) > _LARGEST_PAYLOAD for packet in packets):
        return None
    return take_apart(packets)


class _Shape(NamedTuple):
    """The sizes of what one viewer gets. Most viewers of a burst have the same."""

    sizes: list[int]
    sent: Sent
    lengths: array[int]
    runs: Sequence[tuple[int, int]]


_NO_SHAPE = _Shape([], sent_together((), 0), array("Q"), ())


def _shape(sizes: list[int], now_us: int) -> _Shape:
    return _Shape(sizes, sent_together(sizes, now_us), array("Q", sizes), tuple(_runs(sizes)))


def _runs(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut into runs of equal size, the last of which may be shorter: where each begins, and how many.

    A size of 0 is no packet.
    """
    begin = largest = total = 0
    for slot, size in enumerate(sizes):
        if slot > begin and (not 0 < size <= largest or slot - begin == _MAX_RUN or total + size > _MAX_RUN_BYTES):
            yield begin, slot - begin
            begin = slot
        if slot == begin:
            largest, total = size, 0
        total += size
        if size < largest or size == 0:
            if size:
                yield begin, slot + 1 - begin
            begin = slot + 1
    if begin < len(sizes):
        yield begin, len(sizes) - begin
