# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Fan-out in C: the same bytes as pure.py for a third of its time, because a packet costs no Python object.

What arrives in one call goes out in three steps, a few dozen packets at a time, so that they stay in the cache:

    gather   with the GIL     each parcel becomes one C record of the numbers that this viewer's packet has
    depart   without it       write, srtp_protect in place, cut into runs of equal size, sendmmsg
    settle   with it          sizes and counters back to those who asked for them

Only the running leg of a rewriter is written here; switches and repeats are left to StreamRewriter itself. libsrtp is
the one inside pylibsrtp: net/srtp.py says where its `srtp_protect` and each `srtp_t` are. Everything is called from
the loop's thread, and nobody else holds an `srtp_t`, so there are no locks.
"""

from cpython.array cimport array
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from libc.errno cimport EAGAIN, EINTR, EINVAL, EIO, ENOBUFS, ENOPROTOOPT, ENOSYS, EOPNOTSUPP, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.string cimport memcpy, memset

from server.media.native.members cimport check, get, member, peek, put
from server.media.native.sockets cimport (
    CMSG_DATA, CMSG_LEN, CMSG_SPACE, MSG_DONTWAIT, cmsghdr, iovec, mmsghdr, msghdr, sendmmsg, sendmsg,
)

import errno as names_of_errors

from server.media.fanout import Departures
from server.media.net.ice import IceLite
from server.media.net.link import Link
from server.media.net.srtp import PROTECT_AT, TRAILER_BYTES, SrtpPair
from server.media.net.udpmux import UdpPath
from server.media.rtp.header import BLOCK_OF_TWO_WORDS, OUTGOING_SIZE, VERSION_AND_X
from server.media.rtp.sent import REMEMBERED as _REMEMBERED
from server.media.rtp.rewrite import StreamRewriter
from server.media.rtp.sent import SENT as _SENT
from server.media.rtp.sent import SentLog
from server.media.slot import Slot

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *address) nogil

ctypedef int (*Protect)(void *srtp, void *packet, int *size) noexcept nogil
ctypedef int (*SendMessages)(int fd, mmsghdr *messages, unsigned int count, int flags) noexcept nogil

cdef enum:
    SOL_UDP_LEVEL = 17
    UDP_SEGMENT_OPTION = 103
    STRIDE = 2048
    SLOTS = 128                # 150 kB of packets: more would leave the second-level cache before they are sent
    ROOM_FOR_A_BURST = 16      # unless so much is free, a viewer's packets wait for the next flush, to leave as one run
    HELD = 512                 # distinct packets known at a time; a burst has a few dozen
    INDEX = 2048
    CONTROL = 64               # CMSG_SPACE(20) + CMSG_SPACE(2) on 64-bit Linux
    ERRORS = 256

    # The kernel takes 64 segments and 64 KiB per message; below both with room for IP headers.
    MAX_RUN = 40
    MAX_RUN_BYTES = 60000

# How runs leave. A way that the kernel or a sandbox refuses gives place to the next, for good.
cdef enum:
    SENDTO_WAY = 0
    SENDMMSG_WAY = 1
    GSO_WAY = 2

cdef unsigned int REMEMBERED = _REMEMBERED
cdef uint8_t SENT = _SENT
cdef int HEADER = OUTGOING_SIZE
cdef int LARGEST_PAYLOAD = STRIDE - OUTGOING_SIZE - 2 - TRAILER_BYTES
cdef uint32_t EXTENSION_BLOCK = BLOCK_OF_TWO_WORDS
cdef uint8_t FIRST_BYTE = VERSION_AND_X
cdef Protect protect = <Protect><uintptr_t>PROTECT_AT


# A hundred viewers times twenty attributes are looked up for every burst, so they are read where they lie.
cdef Py_ssize_t SLOT_DEPARTURES = member(Slot, b"departures")
cdef Py_ssize_t SLOT_REWRITER = member(Slot, b"rewriter")
cdef Py_ssize_t DEPARTURES_LINK = member(Departures, b"link")
cdef Py_ssize_t DEPARTURES_LOG = member(Departures, b"log")
cdef Py_ssize_t DEPARTURES_PARCELS = member(Departures, b"parcels")
cdef Py_ssize_t LINK_ICE = member(Link, b"ice")
cdef Py_ssize_t LINK_SRTP = member(Link, b"srtp")
cdef Py_ssize_t ICE_SELECTED = member(IceLite, b"selected")
cdef Py_ssize_t SRTP_SENDING_AT = member(SrtpPair, b"sending_at")
cdef Py_ssize_t PATH_SOCKADDR_AT = member(UdpPath, b"sockaddr_at")
cdef Py_ssize_t PATH_SOCKADDR_BYTES = member(UdpPath, b"sockaddr_bytes")
cdef Py_ssize_t PATH_CONTROL_AT = member(UdpPath, b"control_at")
cdef Py_ssize_t PATH_CONTROL_BYTES = member(UdpPath, b"control_bytes")
cdef Py_ssize_t LOG_NEXT_SEQ = member(SentLog, b"next_seq")
cdef Py_ssize_t LOG_TOTAL_BYTES = member(SentLog, b"total_bytes")
cdef Py_ssize_t LOG_SIZES = member(SentLog, b"sizes")
cdef Py_ssize_t LOG_TIMES_US = member(SentLog, b"times_us")
cdef Py_ssize_t LOG_FATES = member(SentLog, b"fates")
cdef Py_ssize_t REWRITER_SOURCE = member(StreamRewriter, b"source")
cdef Py_ssize_t REWRITER_LAST = member(StreamRewriter, b"_last")
cdef Py_ssize_t REWRITER_FIRST = member(StreamRewriter, b"_first")
cdef Py_ssize_t REWRITER_SEQ_OFFSET = member(StreamRewriter, b"_seq_offset")
cdef Py_ssize_t REWRITER_TIMESTAMP_OFFSET = member(StreamRewriter, b"_timestamp_offset")
cdef Py_ssize_t REWRITER_PICTURE_OFFSET = member(StreamRewriter, b"_picture_offset")
cdef Py_ssize_t REWRITER_TL0_OFFSET = member(StreamRewriter, b"_tl0_offset")
cdef Py_ssize_t REWRITER_SSRC = member(StreamRewriter, b"ssrc")
cdef Py_ssize_t REWRITER_PAYLOAD_TYPE = member(StreamRewriter, b"_payload_type")
cdef Py_ssize_t REWRITER_TWCC_TAG = member(StreamRewriter, b"_twcc_tag")
cdef Py_ssize_t REWRITER_KEPT_TAG = member(StreamRewriter, b"_kept_tag")
cdef Py_ssize_t REWRITER_PACKETS = member(StreamRewriter, b"packets")
cdef Py_ssize_t REWRITER_OCTETS = member(StreamRewriter, b"octets")


cdef enum:
    NUMBERS = 10

# Those of a leg that are objects of their own.
cdef Py_ssize_t[NUMBERS] NUMBER_MEMBERS = [
    REWRITER_FIRST, REWRITER_SEQ_OFFSET, REWRITER_TIMESTAMP_OFFSET, REWRITER_PICTURE_OFFSET, REWRITER_TL0_OFFSET,
    REWRITER_SSRC, REWRITER_PACKETS, REWRITER_OCTETS, REWRITER_SOURCE, REWRITER_PAYLOAD_TYPE,
]


cdef struct Held:              # a packet as its source knows it, the same for all viewers
    PyObject *packet
    Py_buffer payload
    int64_t source
    int64_t number
    int64_t timestamp
    int64_t picture
    int picture_at
    int tl0
    int tl0_at
    int kept_byte
    int marker


cdef struct Parcel:            # a packet as one viewer gets it
    Held *held                 # NULL: StreamRewriter has written it
    void *srtp
    int size
    uint8_t kind               # marker and payload type
    uint8_t twcc_tag
    uint8_t kept_tag
    uint8_t kept_byte
    uint16_t seq
    uint16_t twcc_seq
    uint32_t timestamp
    uint32_t ssrc
    uint16_t picture
    uint8_t tl0


cdef struct Leg:               # the running leg of the rewriter at hand, and what has been written on it
    int64_t source
    int64_t first
    int64_t last
    int64_t seq_offset
    int64_t timestamp_offset
    int64_t picture_offset
    int64_t tl0_offset
    int64_t packets
    int64_t octets
    uint32_t ssrc
    uint8_t payload_type
    uint8_t twcc_tag
    uint8_t kept_tag


cdef struct Viewer:
    PyObject *log
    uint16_t first_seq
    PyObject *stream           # a path that is not UDP, or NULL
    void *address
    unsigned int address_bytes
    void *control              # which of our addresses it comes from (pktinfo.py)
    unsigned int control_bytes
    int first
    int count


cdef struct Run:
    Viewer *viewer
    int first
    int count


cdef class NativeFanOut:
    """See FanOut."""

    cdef object _mux
    cdef object _counts
    cdef object _view
    cdef list _streams
    cdef SendMessages _sendmmsg
    cdef readonly int way
    cdef uint8_t *_arena
    cdef Held *_held
    cdef Parcel *_parcels
    cdef Viewer *_viewers
    cdef Run *_runs
    cdef iovec *_iovecs
    cdef mmsghdr *_messages
    cdef uint8_t *_controls
    cdef short[INDEX] _index
    cdef int _holding
    cdef int _used
    cdef int _present
    cdef int[ERRORS] _errors
    cdef int _failed
    cdef int _sent
    cdef int _late
    cdef Leg _leg
    cdef object _last
    cdef object _path
    cdef Viewer *_viewer
    cdef void *_handle
    cdef uint16_t _twcc_seq
    cdef int64_t _now_us
    cdef int _refused

    def __cinit__(self):
        self._arena = <uint8_t *>PyMem_Malloc(STRIDE * SLOTS)
        self._held = <Held *>PyMem_Malloc(sizeof(Held) * HELD)
        self._parcels = <Parcel *>PyMem_Malloc(sizeof(Parcel) * SLOTS)
        self._viewers = <Viewer *>PyMem_Malloc(sizeof(Viewer) * SLOTS)
        self._runs = <Run *>PyMem_Malloc(sizeof(Run) * SLOTS)
        self._iovecs = <iovec *>PyMem_Malloc(sizeof(iovec) * SLOTS)
        self._messages = <mmsghdr *>PyMem_Malloc(sizeof(mmsghdr) * SLOTS)
        self._controls = <uint8_t *>PyMem_Malloc(CONTROL * SLOTS)
        if (
            self._arena == NULL or self._held == NULL or self._parcels == NULL or self._viewers == NULL
            or self._runs == NULL or self._iovecs == NULL or self._messages == NULL or self._controls == NULL
        ):
            raise MemoryError
        memset(self._index, 0xFF, sizeof(self._index))
        memset(self._errors, 0, sizeof(self._errors))

    def __init__(self, mux, counts, int way=GSO_WAY, uintptr_t sendmmsg_at=0):
        self._mux = mux
        self._counts = counts
        self._view = PyMemoryView_FromMemory(<char *>self._arena, STRIDE * SLOTS, 0x200)  # PyBUF_WRITE
        self._streams = []
        self.way = way
        self._sendmmsg = <SendMessages>sendmmsg_at if sendmmsg_at else <SendMessages>sendmmsg

    @property
    def native(self):
        """See FanOut."""
        return True

    @property
    def gso(self):
        """See FanOut."""
        return self.way == GSO_WAY

    def __dealloc__(self):
        PyMem_Free(self._arena)
        PyMem_Free(self._held)
        PyMem_Free(self._parcels)
        PyMem_Free(self._viewers)
        PyMem_Free(self._runs)
        PyMem_Free(self._iovecs)
        PyMem_Free(self._messages)
        PyMem_Free(self._controls)

    def send(self, departing, flows, int64_t now_us):
        """See FanOut."""
        cdef list batch = list(departing)  # holds them, and through them everything pointed at
        cdef int fd = self._mux.socket.fileno()
        self._now_us = now_us
        try:
            if not batch and len(flows) == 1:
                stream, packets = flows[0]
                self._gather_flow(stream, packets, fd)
            else:
                _gather_flows(batch, flows)
                for departures in batch:
                    check(departures, Departures)
                    self._gather(departures, fd)
            self._flush(fd)
        finally:
            self._used = self._present = 0
            self._path = None
            self._let_go()
            for departures in batch:
                departures.parcels.clear()

    cdef int _gather_flow(self, stream, packets, int fd) except -1:
        """Make the C records of one stream alone, as most bursts are, without a parcel for each viewer."""
        cdef list slots = list(stream.slots)  # a copy, for the same reason
        cdef Py_ssize_t index
        cdef object departures, slot
        for slot in slots:
            check(slot, Slot)
        for index in range(len(slots)):
            _warm(slots, index)
            slot = slots[index]
            departures = get(slot, SLOT_DEPARTURES)
            check(departures, Departures)
            if self._open(departures, fd):
                self._fill(departures, get(slot, SLOT_REWRITER), packets, False, fd)
            else:
                self._counts["drop-not-connected"] += len(packets)
        return 0

    cdef int _gather(self, departures, int fd) except -1:
        """Make the C records of what one viewer gets."""
        cdef list parcels = get(departures, DEPARTURES_PARCELS)
        cdef object rewriter, packets
        cdef tuple parcel
        cdef int again
        if not self._open(departures, fd):
            self._counts["drop-not-connected"] += sum([len(packets) for _, packets, _ in parcels])
            return 0
        for parcel in parcels:
            rewriter, packets, again = parcel
            self._fill(departures, rewriter, packets, again, fd)
        return 0

    cdef int _open(self, departures, int fd) except -1:
        """Begin with a viewer; 0 if he cannot be sent anything."""
        cdef object link = get(departures, DEPARTURES_LINK)
        cdef object srtp = get(link, LINK_SRTP)
        cdef object log
        self._path = get(get(link, LINK_ICE), ICE_SELECTED)
        if type(srtp) is not SrtpPair or self._path is None:
            return 0
        log = get(departures, DEPARTURES_LOG)
        self._handle = <void *><uintptr_t>get(srtp, SRTP_SENDING_AT)
        self._twcc_seq = get(log, LOG_NEXT_SEQ)
        if self._used and self._used + ROOM_FOR_A_BURST > SLOTS:
            self._flush(fd)
        self._arrive(log, self._path, fd)
        return 1

    cdef int _fill(self, departures, rewriter, packets, bint again, int fd) except -1:
        """Some packets for the viewer of this moment."""
        cdef object log = get(departures, DEPARTURES_LOG)
        cdef object packet
        check(rewriter, StreamRewriter)
        self._load(rewriter)
        for packet in packets:
            if self._used == SLOTS or self._holding == HELD:
                put(log, LOG_NEXT_SEQ, self._twcc_seq)
                self._flush(fd)
                self._let_go()
                self._arrive(log, self._path, fd)
            self._add(rewriter, packet, again)
        self._unload(rewriter)
        put(log, LOG_NEXT_SEQ, self._twcc_seq)
        return 0

    cdef int _load(self, rewriter) except -1:
        """Take over the offsets of the running leg."""
        cdef Leg *leg = &self._leg
        leg.packets = leg.octets = 0
        leg.source = get(rewriter, REWRITER_SOURCE)
        if leg.source < 0:
            return 0
        self._last = get(rewriter, REWRITER_LAST)
        leg.last = self._last.number
        leg.first = get(rewriter, REWRITER_FIRST)
        leg.seq_offset = get(rewriter, REWRITER_SEQ_OFFSET)
        leg.timestamp_offset = get(rewriter, REWRITER_TIMESTAMP_OFFSET)
        leg.picture_offset = get(rewriter, REWRITER_PICTURE_OFFSET)
        leg.tl0_offset = get(rewriter, REWRITER_TL0_OFFSET)
        leg.ssrc = get(rewriter, REWRITER_SSRC)
        leg.payload_type = get(rewriter, REWRITER_PAYLOAD_TYPE)
        leg.twcc_tag = get(rewriter, REWRITER_TWCC_TAG)
        leg.kept_tag = get(rewriter, REWRITER_KEPT_TAG)
        return 0

    cdef int _unload(self, rewriter) except -1:
        """What StreamRewriter.write notes of each packet, for several at a time."""
        if self._leg.packets:
            put(rewriter, REWRITER_PACKETS, <int64_t>get(rewriter, REWRITER_PACKETS) + self._leg.packets)
            put(rewriter, REWRITER_OCTETS, <int64_t>get(rewriter, REWRITER_OCTETS) + self._leg.octets)
            put(rewriter, REWRITER_LAST, self._last)
            self._leg.packets = self._leg.octets = 0
        self._last = None
        return 0

    cdef int _add(self, rewriter, packet, bint again) except -1:
        """One more packet for the viewer of this moment, if it gets it."""
        cdef Held *held = self._hold(packet)
        cdef Leg *leg = &self._leg
        cdef Parcel *parcel = &self._parcels[self._used]
        if held.payload.len > LARGEST_PAYLOAD:
            self._counts["drop-too-long"] += 1
            return 0
        if again or held.source != leg.source:
            self._unload(rewriter)
            write = rewriter.write_again if again else rewriter.write
            parcel.size = write(packet, self._view, self._used * STRIDE, self._twcc_seq)
            self._load(rewriter)
            if parcel.size == 0:
                return 0
            parcel.held = NULL
        else:
            if held.number < leg.first:
                return 0
            if held.number > leg.last:
                self._last = packet
                leg.last = held.number
            leg.packets += 1
            leg.octets += held.payload.len
            parcel.held = held
            parcel.size = HEADER + <int>held.payload.len
            parcel.kind = leg.payload_type | (0x80 if held.marker else 0)
            parcel.seq = <uint16_t>(held.number + leg.seq_offset)
            parcel.timestamp = <uint32_t>(held.timestamp + leg.timestamp_offset)
            parcel.ssrc = leg.ssrc
            parcel.twcc_tag = leg.twcc_tag
            parcel.twcc_seq = self._twcc_seq if leg.twcc_tag else 0
            parcel.kept_tag = leg.kept_tag if held.kept_byte >= 0 else 0
            parcel.kept_byte = <uint8_t>held.kept_byte if parcel.kept_tag else 0
            parcel.picture = <uint16_t>(0x8000 | (held.picture + leg.picture_offset & 0x7FFF))
            parcel.tl0 = <uint8_t>(held.tl0 + leg.tl0_offset)
        parcel.srtp = self._handle
        self._twcc_seq += 1
        self._viewer.count += 1
        self._used += 1
        return 0

    cdef int _arrive(self, log, path, int fd) except -1:
        """Begin the record of one viewer in this flush."""
        cdef Viewer *viewer
        if self._present == SLOTS:
            self._flush(fd)
        viewer = self._viewer = &self._viewers[self._present]
        viewer.log = <PyObject *>log
        viewer.first_seq = self._twcc_seq
        viewer.first = self._used
        viewer.count = 0
        if type(path) is UdpPath:
            viewer.stream = NULL
            viewer.address = <void *><uintptr_t>get(path, PATH_SOCKADDR_AT)
            viewer.address_bytes = get(path, PATH_SOCKADDR_BYTES)
            viewer.control = <void *><uintptr_t>get(path, PATH_CONTROL_AT)
            viewer.control_bytes = get(path, PATH_CONTROL_BYTES)
        else:
            self._streams.append(path)  # what sending does to it must not end it under our feet
            viewer.stream = <PyObject *>path
        self._present += 1
        return 0

    cdef Held *_hold(self, packet) except NULL:
        """The C record of a packet, made when it is first seen; the caller has seen to it that there is room."""
        cdef uintptr_t key = <uintptr_t><PyObject *>packet
        cdef unsigned int at = ((key >> 4) * <uintptr_t>0x9E3779B97F4A7C15 >> 40) & (INDEX - 1)
        cdef Held *held
        while self._index[at] >= 0:
            held = &self._held[self._index[at]]
            if held.packet == <PyObject *>packet:
                return held
            at = (at + 1) & (INDEX - 1)
        held = &self._held[self._holding]
        held.source = packet.source
        held.number = packet.number
        held.timestamp = packet.timestamp
        held.marker = packet.marker
        held.kept_byte = packet.kept_byte
        held.picture = packet.picture
        held.picture_at = packet.picture_at if held.picture >= 0 else -1
        held.tl0 = packet.tl0
        held.tl0_at = packet.tl0_at if held.tl0 >= 0 else -1
        held.packet = <PyObject *>packet
        PyObject_GetBuffer(packet.payload, &held.payload, PyBUF_SIMPLE)
        self._index[at] = self._holding
        self._holding += 1
        return held

    cdef void _let_go(self):
        cdef int position
        for position in range(self._holding):
            PyBuffer_Release(&self._held[position].payload)
        if self._holding:
            memset(self._index, 0xFF, sizeof(self._index))
        self._holding = 0

    cdef int _flush(self, int fd) except -1:
        if self._used:
            with nogil:
                self._depart(fd)
            self._settle()
        self._used = self._present = 0
        if self._streams:
            self._streams.clear()
        return 0

    cdef int _settle(self) except -1:
        """Tell the viewers what they were sent, and count."""
        cdef int present, position, error
        cdef Viewer *viewer
        cdef object log
        cdef array sizes, times_us
        cdef bytearray fates
        cdef uint16_t seq
        cdef int64_t total
        counts = self._counts
        if self._sent:
            counts["rtp-out"] += self._sent
        if self._refused:
            counts["gso-refused"] += 1
        if self._late:
            counts["drop-send-buffer"] += self._late
        if self._failed:
            counts["drop-protect"] += self._failed
        if self._errors[0]:
            self._errors[0] = 0
            for error in range(1, ERRORS):
                if self._errors[error]:
                    counts[f"send-{names_of_errors.errorcode.get(error, 'unknown')}"] += self._errors[error]
                    self._errors[error] = 0
        for present in range(self._present):
            viewer = &self._viewers[present]
            log = <object>viewer.log
            sizes, times_us, fates = get(log, LOG_SIZES), get(log, LOG_TIMES_US), get(log, LOG_FATES)
            total = 0
            seq = viewer.first_seq
            for position in range(viewer.first, viewer.first + viewer.count):
                sizes.data.as_ushorts[seq % REMEMBERED] = self._parcels[position].size
                times_us.data.as_longlongs[seq % REMEMBERED] = self._now_us
                (<char *>fates)[seq % REMEMBERED] = SENT
                total += self._parcels[position].size
                seq += 1
            put(log, LOG_TOTAL_BYTES, <int64_t>get(log, LOG_TOTAL_BYTES) + total)
            if viewer.stream != NULL:
                for position in range(viewer.first, viewer.first + viewer.count):
                    if self._parcels[position].size:
                        (<object>viewer.stream).send(
                            PyBytes_FromStringAndSize(
                                <char *>self._arena + position * STRIDE, self._parcels[position].size
                            )
                        )
        return 0

    # Without the GIL from here on.

    cdef void _depart(self, int fd) noexcept nogil:
        cdef int present, position, end, runs = 0, run_size, run_bytes, size
        cdef Viewer *viewer
        cdef Run *run
        self._sent = self._late = self._failed = self._refused = 0
        for present in range(self._present):
            viewer = &self._viewers[present]
            run = NULL
            run_size = run_bytes = 0
            if present + 1 < self._present and viewer[1].count:
                prefetch(self._parcels[viewer[1].first].srtp)
            for position in range(viewer.first, viewer.first + viewer.count):
                size = self._protect(position)
                if size == 0:
                    self._failed += 1
                    run = NULL  # runs lie side by side in the arena
                    continue
                self._sent += 1
                if viewer.stream != NULL:
                    continue
                if run == NULL or size > run_size or run.count == MAX_RUN or run_bytes + size > MAX_RUN_BYTES:
                    run = &self._runs[runs]
                    runs += 1
                    run.viewer = viewer
                    run.first = position
                    run.count = 0
                    run_size = size
                    run_bytes = 0
                run.count += 1
                run_bytes += size
                if size < run_size:
                    run = NULL  # only the last segment may be shorter
        self._send_runs(fd, runs)

    cdef int _protect(self, int position) noexcept nogil:
        """Write and protect one packet in its slot; its size, 0 if libsrtp would not."""
        cdef Parcel *parcel = &self._parcels[position]
        cdef Held *held = parcel.held
        cdef uint8_t *at = self._arena + position * STRIDE
        cdef uint8_t *payload
        if held != NULL:
            at[0] = FIRST_BYTE
            at[1] = parcel.kind
            at[2] = parcel.seq >> 8
            at[3] = parcel.seq & 0xFF
            _put_u32(at + 4, parcel.timestamp)
            _put_u32(at + 8, parcel.ssrc)
            _put_u32(at + 12, EXTENSION_BLOCK)
            at[16] = parcel.twcc_tag
            at[17] = parcel.twcc_seq >> 8
            at[18] = parcel.twcc_seq & 0xFF
            at[19] = parcel.kept_tag
            at[20] = parcel.kept_byte
            at[21] = at[22] = at[23] = 0
            payload = at + HEADER
            memcpy(payload, held.payload.buf, held.payload.len)
            if held.picture_at >= 0:
                payload[held.picture_at] = parcel.picture >> 8
                payload[held.picture_at + 1] = parcel.picture & 0xFF
            if held.tl0_at >= 0:
                payload[held.tl0_at] = parcel.tl0
        if protect(parcel.srtp, at, &parcel.size) != 0:
            parcel.size = 0
        self._iovecs[position].iov_base = at
        self._iovecs[position].iov_len = parcel.size
        return parcel.size

    cdef void _send_runs(self, int fd, int runs) noexcept nogil:
        """Send every run in the best way that works here; a way that is refused is not tried again."""
        cdef int sent = 0, done, error, singles, index, position
        if self.way == GSO_WAY:
            self._prepare(0, runs)
        else:
            runs = self._cut(0, runs)
        while sent < runs:
            if self.way == SENDTO_WAY:
                done = 1 if sendmsg(fd, &self._messages[sent].msg_hdr, MSG_DONTWAIT) >= 0 else -1
            else:
                done = self._sendmmsg(fd, self._messages + sent, runs - sent, MSG_DONTWAIT)
            if done > 0:
                sent += done
                continue
            error = errno
            if error == EINTR:
                continue
            if self._runs[sent].count > 1 and (
                error == EIO or error == EINVAL or error == ENOPROTOOPT or error == EOPNOTSUPP
            ):
                self.way = SENDMMSG_WAY
                self._refused = 1
                runs = self._cut(sent, runs)
                sent = 0
                continue
            if error == ENOSYS and self.way == SENDMMSG_WAY:
                self.way = SENDTO_WAY
                continue
            self._errors[0] = 1
            self._errors[error if 0 < error < ERRORS else ERRORS - 1] += self._runs[sent].count
            if error == EAGAIN or error == ENOBUFS:
                # The send buffer is full; what follows would only be later still.
                for index in range(sent + 1, runs):
                    self._late += self._runs[index].count
                return
            sent += 1  # this address alone cannot be reached

    cdef void _prepare(self, int begin, int end) noexcept nogil:
        """Fill in the messages of these runs."""
        cdef int index
        cdef msghdr *message
        cdef cmsghdr *control
        cdef Run *run
        for index in range(begin, end):
            run = &self._runs[index]
            message = &self._messages[index].msg_hdr
            message.msg_name = run.viewer.address
            message.msg_namelen = run.viewer.address_bytes
            message.msg_iov = self._iovecs + run.first
            message.msg_iovlen = run.count
            message.msg_control = run.viewer.control
            message.msg_controllen = run.viewer.control_bytes
            message.msg_flags = 0
            if run.count > 1:
                message.msg_control = self._controls + index * CONTROL
                memcpy(message.msg_control, run.viewer.control, run.viewer.control_bytes)
                control = <cmsghdr *>(<char *>message.msg_control + run.viewer.control_bytes)
                control.cmsg_len = CMSG_LEN(2)
                control.cmsg_level = SOL_UDP_LEVEL
                control.cmsg_type = UDP_SEGMENT_OPTION
                (<uint16_t *>CMSG_DATA(control))[0] = <uint16_t>self._iovecs[run.first].iov_len
                message.msg_controllen += CMSG_SPACE(2)

    cdef int _cut(self, int begin, int end) noexcept nogil:
        """Make runs of one packet of those from `begin` on, at the start of the table; how many there are."""
        cdef int index, position, singles = 0, total = 0
        cdef Run run
        for index in range(begin, end):
            total += self._runs[index].count
        # From the back, so that nothing is overwritten before it is read: singles are never fewer than runs.
        singles = total
        for index in range(end - 1, begin - 1, -1):
            run = self._runs[index]
            for position in range(run.first + run.count - 1, run.first - 1, -1):
                singles -= 1
                self._runs[begin + singles].viewer = run.viewer
                self._runs[begin + singles].first = position
                self._runs[begin + singles].count = 1
        for index in range(total):
            self._runs[index] = self._runs[begin + index]
        self._prepare(0, total)
        return total


cdef inline void _warm(list slots, Py_ssize_t index) noexcept:
    """Ask for what the next viewers need: since their last packet it has left the cache, and waiting for one line after
    the other would take longer than all that is done with them. Each step follows pointers that the one before it,
    three viewers earlier, has asked for.
    """
    cdef Py_ssize_t count = len(slots)
    cdef PyObject *of
    cdef PyObject *other
    cdef PyObject *value
    cdef int line
    if index + 9 < count:
        of = <PyObject *>slots[index + 9]
        prefetch(<char *>of + 64)
        prefetch(peek(of, SLOT_DEPARTURES))
        other = peek(of, SLOT_REWRITER)
        for line in range(4):
            prefetch(<char *>other + 64 * line)
    if index + 6 < count:
        of = <PyObject *>slots[index + 6]
        other = peek(of, SLOT_DEPARTURES)
        value = peek(other, DEPARTURES_LINK)
        prefetch(value)
        prefetch(<char *>value + 64)
        value = peek(other, DEPARTURES_LOG)
        prefetch(value)
        other = peek(of, SLOT_REWRITER)
        for line in range(NUMBERS):
            prefetch(peek(other, NUMBER_MEMBERS[line]))
    if index + 3 < count:
        of = peek(<PyObject *>slots[index + 3], SLOT_DEPARTURES)
        value = peek(of, DEPARTURES_LINK)
        prefetch(peek(value, LINK_SRTP))
        prefetch(peek(value, LINK_ICE))
        value = peek(of, DEPARTURES_LOG)
        prefetch(peek(value, LOG_NEXT_SEQ))
        prefetch(peek(value, LOG_TOTAL_BYTES))
        prefetch(peek(value, LOG_SIZES))
        prefetch(peek(value, LOG_TIMES_US))
        prefetch(peek(value, LOG_FATES))


cdef inline void _put_u32(uint8_t *at, uint32_t value) noexcept nogil:
    at[0] = value >> 24
    at[1] = value >> 16 & 0xFF
    at[2] = value >> 8 & 0xFF
    at[3] = value & 0xFF


cdef int _gather_flows(list batch, flows) except -1:
    """See fanout.gather."""
    cdef list parcels
    for stream, packets in flows:
        for slot in stream.slots:
            check(slot, Slot)
            departures = get(slot, SLOT_DEPARTURES)
            check(departures, Departures)
            parcels = get(departures, DEPARTURES_PARCELS)
            if not parcels:
                batch.append(departures)
            parcels.append((get(slot, SLOT_REWRITER), packets, False))
    return 0


def protect_in_place(uintptr_t srtp, bytearray packet, int size):
    """What the fan-out does to one packet, for the test at start; the protected size, or 0."""
    cdef char *at = packet
    if protect(<void *>srtp, at, &size) != 0:
        return 0
    return size
