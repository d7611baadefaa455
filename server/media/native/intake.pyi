"""What intake.pyx offers to Python."""

from collections import Counter
from collections.abc import Mapping
from socket import socket

from server.media.net.intake import Failed, Take
from server.media.net.srtp import SrtpPair
from server.media.rtp.header import Header

class NativeIntake:
    """`recvmmsg_at` is a C function's address."""

    @property
    def native(self) -> bool: ...
    def __init__(
        self,
        udp: socket,
        by_address: Mapping[object, object],
        take: Take,
        failed: Failed,
        counts: Counter[str],
        recvmmsg_at: int = 0,
    ) -> None: ...
    def drain(self, now_us: int, wall_us: int) -> None: ...

def parse(packet: bytes) -> Header: ...
def open_in_place(srtp: SrtpPair, datagram: bytearray) -> bytes | None: ...
