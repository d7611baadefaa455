"""The server half of bench/fanout.py: the product's media plane in a process of its own, whose CPU time is its own.

`python -m bench.forwarder ADDRESS native|pure`, then JSON lines: {"peer", "offer", "sources"} -> {"sdp", "port"}.
All peers are in one circle, and may send what they offer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence

from server.media.fanout.best import open_fan_out
from server.media.fanout.pure import PureFanOut
from server.media.net.best import open_intake
from server.media.net.intake import PureIntake
from server.media.plane import UdpPlane
from server.media.shapes import Circle, LinkReport, PeerId, SlotContent


class Deaf:
    """A MediaListener with nothing to do."""

    def media_connected(self, peer: PeerId) -> None: ...
    def media_lost(self, peer: PeerId, reason: str) -> None: ...
    def slots_changed(self, peer: PeerId, slots: Sequence[SlotContent]) -> None: ...
    def layers_wanted(self, peer: PeerId, source: str, rids: Sequence[str]) -> None: ...
    def links(self, reports: Mapping[PeerId, LinkReport]) -> None: ...
    def levels(self, circle: Circle, levels: Mapping[PeerId, int], speaker: PeerId | None) -> None: ...


async def serve(address: str, kind: str) -> None:
    fan_out, intake = (open_fan_out, open_intake) if kind == "native" else (PureFanOut, PureIntake)
    plane = await UdpPlane.open(address, 0, address, Deaf(), fan_out=fan_out, intake=intake)
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    stats = plane.stats()
    native = bool(stats["now-fanout-native"] and stats["now-intake-native"])
    print(json.dumps({"port": plane.port, "native": native}), flush=True)
    while line := await reader.readline():
        order = json.loads(line)
        if order.get("do") == "stats":
            print(json.dumps(plane.stats()), flush=True)
            continue
        peer = PeerId(order["peer"])
        plane.place(peer, Circle("bench"))
        plane.allow(peer, frozenset(order["sources"].values()))
        answer = await plane.connect(peer, order["offer"], order["sources"])
        print(json.dumps({"sdp": answer.sdp}), flush=True)
    await plane.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
