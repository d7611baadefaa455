"""What fanout.pyx offers to Python."""

from collections import Counter
from collections.abc import Iterable

from server.media.fanout import Departures, Flow
from server.media.net.udpmux import UdpMux

class NativeFanOut:
    """`way` is 2 for GSO, 1 for plain `sendmmsg`, 0 for a call per packet; `sendmmsg_at` is a C function's address."""

    way: int
    @property
    def native(self) -> bool: ...
    @property
    def gso(self) -> bool: ...
    def __init__(self, mux: UdpMux, counts: Counter[str], way: int = 2, sendmmsg_at: int = 0) -> None: ...
    def send(self, departing: Iterable[Departures], flows: Iterable[Flow], now_us: int) -> None: ...

def protect_in_place(srtp: int, packet: bytearray, size: int) -> int: ...
