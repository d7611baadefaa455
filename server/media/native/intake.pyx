# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Reading in C: one system call for a burst, and packets of those we know opened and read where they lie.

What is not media of a connected peer (STUN, DTLS, RTCP) goes to UdpMux as it came; strangers cost a look into a table.
Link.media in C is the same as in link.py, to whose numbers it keeps; net/intake.py is the twin of the rest.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.errno cimport EAGAIN, EINTR, ENOSYS, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.string cimport memcmp, memset

from server.media.native.members cimport check, get, member, put
from server.media.native.sockets cimport (
    AF_INET, AF_INET6, CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, INET6_ADDRSTRLEN, IPPROTO_IP, IPPROTO_IPV6,
    IPV6_PKTINFO, MSG_DONTWAIT, SOL_SOCKET, cmsghdr, inet_ntop, iovec, mmsghdr, msghdr, ntohl, ntohs, recvmmsg, recvmsg, sockaddr, sockaddr_in, sockaddr_in6,
    sockaddr_storage,
)

import errno as names_of_errors

from server.media.net.intake import LEAST_BYTES as _LEAST_BYTES
from server.media.net.intake import LONGEST_QUEUE_US as _LONGEST_QUEUE_US
from server.media.net.intake import MOST_BYTES as _MOST_BYTES
from server.media.net.intake import MOST_DATAGRAMS as _MOST_DATAGRAMS
from server.media.net.intake import SO_TIMESTAMPNS as _SO_TIMESTAMPNS
from server.media.net.link import MEDIA_PER_SECOND as _MEDIA_PER_SECOND
from server.media.net.link import RTCP_PER_SECOND as _RTCP_PER_SECOND
from server.media.net.link import Link
from server.media.net.pktinfo import IP_PKTINFO as _IP_PKTINFO
from server.media.net.srtp import MOST_SSRCS as _MOST_SSRCS
from server.media.net.srtp import UNPROTECT_AT, SrtpPair
from server.media.rtp.header import ONE_BYTE as _ONE_BYTE
from server.media.rtp.header import TWO_BYTE as _TWO_BYTE
from server.media.rtp.header import Header

cdef extern from *:
    """
    struct stamp { long long seconds, nanoseconds; };  /* struct timespec of any 64-bit Linux */
    """
    struct stamp:
        long long seconds
        long long nanoseconds

ctypedef int (*Unprotect)(void *srtp, void *packet, int *size) noexcept nogil
ctypedef int (*ReceiveMessages)(int fd, mmsghdr *messages, unsigned int count, int flags, void *timeout) noexcept nogil

cdef enum:
    STRIDE = 2048              # what is longer than the longest datagram we take is cut, and too long still
    SLOTS = 32
    CONTROL = 128

cdef int IP_PKTINFO = _IP_PKTINFO
cdef int LEAST_BYTES = _LEAST_BYTES
cdef int MOST_BYTES = _MOST_BYTES
cdef int MOST_DATAGRAMS = _MOST_DATAGRAMS
cdef int64_t LONGEST_QUEUE_US = _LONGEST_QUEUE_US
cdef int SO_TIMESTAMPNS = _SO_TIMESTAMPNS
cdef int MEDIA_PER_SECOND = _MEDIA_PER_SECOND
cdef int RTCP_PER_SECOND = _RTCP_PER_SECOND
cdef Py_ssize_t MOST_SSRCS = _MOST_SSRCS
cdef int ONE_BYTE = _ONE_BYTE
cdef int TWO_BYTE = _TWO_BYTE
cdef Unprotect unprotect = <Unprotect><uintptr_t>UNPROTECT_AT

cdef Py_ssize_t LINK_SRTP = member(Link, b"srtp")
cdef Py_ssize_t LINK_LISTENER = member(Link, b"_listener")
cdef Py_ssize_t LINK_SECOND_US = member(Link, b"_second_us")
cdef Py_ssize_t LINK_MEDIA_LEFT = member(Link, b"_media_left")
cdef Py_ssize_t LINK_RTCP_LEFT = member(Link, b"_rtcp_left")
cdef Py_ssize_t SRTP_HEARD = member(SrtpPair, b"_heard")
cdef Py_ssize_t SRTP_RECEIVING_AT = member(SrtpPair, b"receiving_at")


cdef class NativeIntake:
    """See Intake."""

    cdef object _socket
    cdef dict _by_address
    cdef object _take
    cdef object _failed
    cdef object _counts
    cdef object _source        # of the datagram before: those of a burst mostly have the same
    cdef sockaddr_storage _source_bytes
    cdef unsigned int _source_size
    cdef bint _together
    cdef ReceiveMessages _recvmmsg
    cdef uint8_t *_arena
    cdef mmsghdr[SLOTS] _messages
    cdef iovec[SLOTS] _iovecs
    cdef sockaddr_storage[SLOTS] _names
    cdef uint8_t[SLOTS][CONTROL] _controls

    def __cinit__(self):
        self._arena = <uint8_t *>PyMem_Malloc(STRIDE * SLOTS)
        if self._arena == NULL:
            raise MemoryError
        memset(self._messages, 0, sizeof(self._messages))
        self._source_size = 0
        self._together = True

    def __init__(self, udp, by_address, take, failed, counts, uintptr_t recvmmsg_at=0):
        cdef int slot
        self._socket = udp
        self._by_address = by_address
        self._take = take
        self._failed = failed
        self._counts = counts
        self._recvmmsg = <ReceiveMessages>recvmmsg_at if recvmmsg_at else <ReceiveMessages>recvmmsg
        for slot in range(SLOTS):
            self._iovecs[slot].iov_base = self._arena + slot * STRIDE
            self._iovecs[slot].iov_len = STRIDE
            self._messages[slot].msg_hdr.msg_name = &self._names[slot]
            self._messages[slot].msg_hdr.msg_iov = &self._iovecs[slot]
            self._messages[slot].msg_hdr.msg_iovlen = 1
            self._messages[slot].msg_hdr.msg_control = self._controls[slot]

    def __dealloc__(self):
        PyMem_Free(self._arena)

    @property
    def native(self):
        """See Intake."""
        return True

    def drain(self, int64_t now_us, int64_t wall_us):
        """See Intake."""
        cdef int read = 0, wanted, got, slot
        while read < MOST_DATAGRAMS:
            wanted = min(SLOTS, MOST_DATAGRAMS - read)
            got = self._receive(self._socket.fileno(), wanted)
            if got < 0:
                break
            if got == 0:  # an error, of which there may be many
                read += 1
                continue
            for slot in range(got):
                try:
                    self._sort(slot, self._arrival(&self._messages[slot].msg_hdr, now_us, wall_us))
                except Exception:  # one datagram must not cost the others of its burst
                    self._failed()
            read += got
            if got < wanted and self._together:
                break  # there were no more

    cdef int _receive(self, int fd, int wanted) except -2:
        """How many datagrams are now in the slots, -1 if there are none left, 0 after an error."""
        cdef int slot, got
        for slot in range(wanted):
            self._messages[slot].msg_hdr.msg_namelen = sizeof(sockaddr_storage)
            self._messages[slot].msg_hdr.msg_controllen = CONTROL
            if not self._together:
                break
        with nogil:
            if self._together:
                got = self._recvmmsg(fd, self._messages, wanted, MSG_DONTWAIT, NULL)
            else:
                got = <int>recvmsg(fd, &self._messages[0].msg_hdr, MSG_DONTWAIT)
        if got >= 0:
            if not self._together:
                self._messages[0].msg_len = got
                got = 1
            return got
        if errno == EAGAIN:
            return -1
        if errno == ENOSYS and self._together:  # a sandbox that knows only the older call
            self._together = False
        elif errno != EINTR:
            self._counts[f"recv-{names_of_errors.errorcode.get(errno, 'unknown')}"] += 1
        return 0

    cdef int64_t _arrival(self, msghdr *message, int64_t now_us, int64_t wall_us) noexcept:
        """When the kernel got it, on our clock."""
        cdef cmsghdr *control = CMSG_FIRSTHDR(message)
        cdef stamp *at
        cdef int64_t queued_us
        while control != NULL:
            if control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_TIMESTAMPNS:
                at = <stamp *>CMSG_DATA(control)
                queued_us = wall_us - at.seconds * 1_000_000 - at.nanoseconds // 1000
                return now_us - queued_us if -LONGEST_QUEUE_US < queued_us < LONGEST_QUEUE_US else now_us
            control = CMSG_NXTHDR(message, control)
        return now_us

    cdef bytes _local(self, msghdr *message):
        """pktinfo.told."""
        cdef cmsghdr *control = CMSG_FIRSTHDR(message)
        while control != NULL:
            if control.cmsg_level == IPPROTO_IP and control.cmsg_type == IP_PKTINFO:
                return PyBytes_FromStringAndSize(<char *>CMSG_DATA(control) + 4, 4)
            if control.cmsg_level == IPPROTO_IPV6 and control.cmsg_type == IPV6_PKTINFO:
                return PyBytes_FromStringAndSize(<char *>CMSG_DATA(control), 16)
            control = CMSG_NXTHDR(message, control)
        return b""

    cdef int _sort(self, int slot, int64_t arrival_us) except -1:
        """Find out whose a datagram is, and what."""
        cdef uint8_t *datagram = self._arena + slot * STRIDE
        cdef int size = self._messages[slot].msg_len
        cdef PyObject *known
        cdef object link
        if not LEAST_BYTES <= size <= MOST_BYTES:
            self._counts["drop-size"] += 1
            return 0
        source = self._source_of(slot)
        if datagram[0] >= 4:
            known = PyDict_GetItem(self._by_address, source)
            if known == NULL:
                self._counts["drop-stranger"] += 1
                return 0
            link = (<tuple><object>known)[0]
            if 128 <= datagram[0] < 192 and not 192 <= datagram[1] <= 223 and type(link) is Link:
                return self._media(link, datagram, size, arrival_us)
        local = self._local(&self._messages[slot].msg_hdr)
        self._take(PyBytes_FromStringAndSize(<char *>datagram, size), source, local, arrival_us)
        return 0

    cdef object _source_of(self, int slot):
        """The sender's address as Python's sockets name it."""
        cdef sockaddr_storage *name = &self._names[slot]
        cdef unsigned int size = self._messages[slot].msg_hdr.msg_namelen
        cdef char[INET6_ADDRSTRLEN] host
        cdef sockaddr_in *v4 = <sockaddr_in *>name
        cdef sockaddr_in6 *v6 = <sockaddr_in6 *>name
        if size != self._source_size or memcmp(name, &self._source_bytes, size):
            if (<sockaddr *>name).sa_family == AF_INET:
                inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host))
                self._source = (host.decode(), ntohs(v4.sin_port))
            else:
                inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host))
                self._source = (host.decode(), ntohs(v6.sin6_port), ntohl(v6.sin6_flowinfo), v6.sin6_scope_id)
            self._source_bytes = name[0]
            self._source_size = size
        return self._source

    cdef int _media(self, link, uint8_t *datagram, int size, int64_t arrival_us) except -1:
        """Link.media for an RTP packet."""
        cdef object srtp = get(link, LINK_SRTP)
        cdef object header, packet
        cdef int media_left
        if arrival_us >= <int64_t>get(link, LINK_SECOND_US):
            put(link, LINK_SECOND_US, arrival_us + 1_000_000)
            put(link, LINK_MEDIA_LEFT, MEDIA_PER_SECOND)
            put(link, LINK_RTCP_LEFT, RTCP_PER_SECOND)
        media_left = <int>get(link, LINK_MEDIA_LEFT) - 1
        put(link, LINK_MEDIA_LEFT, media_left)
        if srtp is None:
            self._counts["srtp-early"] += 1
        elif media_left < 0:
            self._counts["drop-flood"] += 1
        elif not _open(srtp, datagram, &size) or size < 12:
            self._counts["srtp-refused"] += 1
        else:
            packet = PyBytes_FromStringAndSize(<char *>datagram, size)
            header = _parse(packet)
            if header is None:
                self._counts["drop-rtp-malformed"] += 1
            else:
                get(link, LINK_LISTENER).rtp(packet, header, arrival_us)
        return 0


cdef bint _open(srtp, uint8_t *datagram, int *size) except -1:
    """SrtpPair.unprotect, where the datagram lies."""
    cdef object ssrc = _u32(datagram + 8)
    cdef set heard
    cdef bint known
    check(srtp, SrtpPair)
    heard = get(srtp, SRTP_HEARD)
    known = ssrc in heard
    if not known and len(heard) >= MOST_SSRCS:
        return False
    if unprotect(<void *><uintptr_t>get(srtp, SRTP_RECEIVING_AT), datagram, size) != 0:
        return False
    if not known:
        heard.add(ssrc)  # only now is it known not to be forged
    return True


cdef inline int _u16(const uint8_t *at) noexcept nogil:
    return at[0] << 8 | at[1]


cdef inline uint32_t _u32(const uint8_t *at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef object _parse(bytes packet):
    """rtp.header.parse; None instead of a ValueError."""
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(packet)
    cdef Py_ssize_t size = len(packet), start, stop, end = size
    cdef int profile
    cdef dict extensions = {}
    if size < 12 or data[0] >> 6 != 2:
        return None
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if size < start + 4:
            return None
        profile = _u16(data + start)
        stop = start + 4 + 4 * _u16(data + start + 2)
        if size < stop:
            return None
        if profile == ONE_BYTE:
            if not _read_one_byte(data, start + 4, stop, extensions):
                return None
        elif profile & 0xFFF0 == TWO_BYTE:
            if not _read_two_byte(data, start + 4, stop, extensions):
                return None
        start = stop
    if data[0] & 0x20:
        if data[size - 1] == 0:
            return None
        end -= data[size - 1]
    if end < start:
        return None
    return Header(
        data[1] & 0x7F, data[1] >= 0x80, _u16(data + 2), _u32(data + 4), _u32(data + 8), start, end, extensions
    )


cdef bint _read_one_byte(const uint8_t *data, Py_ssize_t at, Py_ssize_t stop, dict into) except -1:
    cdef int head
    cdef Py_ssize_t end
    while at < stop:
        head = data[at]
        at += 1
        if head == 0:
            continue
        if head >= 0xF0 or head < 0x10:
            return True
        end = at + (head & 0x0F) + 1
        if end > stop:
            return False
        into[head >> 4] = PyBytes_FromStringAndSize(<const char *>data + at, end - at)
        at = end
    return True


cdef bint _read_two_byte(const uint8_t *data, Py_ssize_t at, Py_ssize_t stop, dict into) except -1:
    cdef int name
    cdef Py_ssize_t end
    while at < stop:
        name = data[at]
        at += 1
        if name == 0:
            continue
        if at == stop:
            return False
        end = at + 1 + data[at]
        if end > stop:
            return False
        into[name] = PyBytes_FromStringAndSize(<const char *>data + at + 1, end - at - 1)
        at = end
    return True


def parse(bytes packet):
    """rtp.header.parse, for the test that they are the same."""
    header = _parse(packet)
    if header is None:
        raise ValueError("not an RTP packet")
    return header


def open_in_place(srtp, bytearray datagram):
    """What the intake does to one packet, for the test at start: it in the clear, or None."""
    cdef int size = len(datagram)
    return bytes(datagram[:size]) if _open(srtp, <uint8_t *><char *>datagram, &size) else None
