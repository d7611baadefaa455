"""To which of our addresses a datagram came, and from which to answer (ip(7), RFC 3542 6).

A socket that listens on all addresses answers from the one the routing table prefers. A browser that asked another one
takes such an answer for a stranger's. So the kernel is asked to say the address with each datagram, and is told it with
what goes back. An address of ours is its 4 or 16 bytes here; none for a socket that has but one.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Sequence

# Linux; not in Python's socket module before 3.14.
IP_PKTINFO = 8

_IPV6 = struct.Struct("=16sI")
_IPV4 = struct.Struct("=i4s4s")
_HEAD = struct.Struct("@Nii")
_ALIGNED = struct.calcsize("@N")

Ancillary = Sequence[tuple[int, int, bytes]]


def ask(udp: socket.socket) -> None:
    """Have the kernel say it from now on, where it can."""
    with contextlib.suppress(OSError):
        if udp.family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def told(control: Ancillary) -> bytes:
    """What it said, if it did."""
    for level, kind, value in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return value[4:8]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return value[:16]
    return b""


def answering(local: bytes, scope: int = 0) -> Ancillary:
    """What to tell it, in Python's form. `scope` is the interface of a link-local address."""
    if len(local) == 4:
        return [(socket.IPPROTO_IP, IP_PKTINFO, _IPV4.pack(0, local, bytes(4)))]
    if local:
        link_local = ipaddress.IPv6Address(local).is_link_local
        return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _IPV6.pack(local, scope if link_local else 0))]
    return []


def packed(ancillary: Ancillary) -> bytes:
    """The same as `struct cmsghdr`s, for the system calls that Python does not wrap."""
    messages = (_HEAD.pack(_HEAD.size + len(value), level, kind) + value for level, kind, value in ancillary)
    return b"".join(message + bytes(-len(message) % _ALIGNED) for message in messages)
