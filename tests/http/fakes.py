"""A media plane that moves no media: it remembers what it was asked and answers offers with words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.live.ports import Answer, Circle, MediaListener, PeerId, SlotContent, Want
from server.media.tap import FrameSink


class QuietPlane:
    def __init__(self, listener: MediaListener) -> None:
        self.listener = listener
        self.offers: list[tuple[PeerId, str]] = []
        self.cameras: int | None = None
        self.watched: list[tuple[PeerId, tuple[Want, ...]]] = []
        self.sinks: dict[tuple[PeerId, str], FrameSink] = {}

    async def connect(self, peer: PeerId, offer: str, sources: Mapping[str, str]) -> Answer:
        if not offer.startswith("v=0"):
            raise ValueError("not an offer")
        self.offers.append((peer, offer))
        self.listener.slots_changed(peer, [SlotContent("2", PeerId(""), "")])
        return Answer("v=0 answer", {"2": "video"})

    def disconnect(self, peer: PeerId) -> None: ...
    def place(self, peer: PeerId, circle: Circle) -> None: ...
    def allow(self, peer: PeerId, sources: frozenset[str]) -> None: ...

    def watch(self, peer: PeerId, wanted: Sequence[Want], cameras: int | None = None) -> None:
        self.watched.append((peer, tuple(wanted)))
        self.cameras = cameras

    def record(self, peer: PeerId, source: str, sink: FrameSink) -> None:
        self.sinks[peer, source] = sink

    def stop_recording(self, peer: PeerId, source: str) -> None:
        self.sinks.pop((peer, source)).close()
