"""Those who see and hear one another (a circle), and what each of them gets on the slots.

A seat is given to a source as soon as it is allowed and its sender is connected, before its first packet; sound other
than a screen's must be among the loudest few first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from server.media.downlink import Showing, show
from server.media.mishaps import Mishaps
from server.media.peer import PICTURES, Peer
from server.media.rtp.speakers import Loudest
from server.media.seating import Seat, choose_pictures, choose_voices, in_order_of_display
from server.media.shapes import Circle, PeerId

HEARD = 5
"""More voices at once are noise. Pages offer as many audio slots."""


class Gathering:
    """One circle. Peers are in the order in which they came."""

    def __init__(self, circle: Circle, mishaps: Mishaps) -> None:
        self.circle = circle
        self._mishaps = mishaps
        self._peers: dict[PeerId, Peer] = {}
        self._loudest: Loudest[PeerId] = Loudest(HEARD)
        self._heard: tuple[PeerId, ...] = ()
        self._speaker: PeerId | None = None
        self._told: tuple[Mapping[PeerId, int], PeerId | None] = ({}, None)
        self._on_offer: tuple[tuple[Seat, ...], tuple[Seat, ...]] | None = None

    def __len__(self) -> int:
        return len(self._peers)

    def add(self, peer: Peer) -> None:
        """Whoever comes is the last in order."""
        self._peers[peer.id] = peer
        peer.is_seated = False

    def remove(self, peer: Peer) -> None:
        """Nothing of his flows from now on; the others' slots are given anew by `reseat`."""
        self._peers.pop(peer.id, None)
        self._on_offer = None  # he may be back in the same turn, with every slot to be filled again
        self.silence(peer.id)

    def voice(self, peer: PeerId, level: int, now_ms: int) -> bool:
        """Note the loudness of a microphone's packet; True if it is a new one and there is room to hear it."""
        self._loudest.level(peer, level, now_ms)
        return len(self._heard) < HEARD and peer not in self._heard

    def silence(self, peer: PeerId) -> None:
        """A microphone was muted or has gone."""
        self._loudest.forget(peer)
        self._heard = tuple(heard for heard in self._heard if heard != peer)

    def listen(self, now_ms: int) -> bool:
        """Choose who is heard; True if that changed, so that slots must be given anew."""
        floor = self._loudest.choose(now_ms)
        self._speaker = floor.speaker
        changed = floor.heard != self._heard
        self._heard = floor.heard
        return changed

    def levels(self, now_ms: int) -> tuple[Mapping[PeerId, int], PeerId | None] | None:
        """Loudness of those heard and who leads; None if nothing changed since the last call."""
        now = (self._loudest.levels(now_ms), self._speaker)
        if now == self._told:
            return None
        self._told = now
        return now

    def reseat(self, now_us: int) -> Iterator[Peer]:
        """Give the slots anew and let them flow; yields the viewers for whom something changed.

        As long as the circle shows the same, only those are looked at who came, connected or wish something else:
        most joins of a large class are of people who listen.
        """
        # Most may send nothing, and are not asked.
        senders = [peer for peer in self._peers.values() if peer.allowed]
        tracks = [(Seat(peer.id, track.source), track) for peer in senders for track in peer.shown()]
        pictures = dict.fromkeys(in_order_of_display(seat for seat, track in tracks if track.kind == "video"))
        ranking = [seat for seat, _ in tracks if seat.source == "screen_audio"]
        ranking += [Seat(peer, "mic") for peer in self._heard]
        before, self._on_offer = self._on_offer, (tuple(pictures), tuple(ranking))
        shown = self._show(now_us)
        for viewer in tuple(self._peers.values()):
            downlink = viewer.receiving()
            if downlink is None or (before == self._on_offer and viewer.is_seated):
                continue
            viewer.is_seated = True
            changed = False
            with self._mishaps.serving(viewer):
                chosen = choose_pictures(viewer.wanted, pictures, viewer.id, downlink.places("video"), viewer.cameras)
                voices = choose_voices(ranking, viewer.id, downlink.places("audio"))
                changed = downlink.seat(chosen, voices)
                changed = downlink.flow(shown, now_us) or changed
            if changed:
                yield viewer

    def flow(self, now_us: int, only: Seat | None = None) -> Iterator[Peer]:
        """See that every slot carries the right layer, or the slots of those who have one seat.

        Yields the viewers for whom how a picture is shown has changed.
        """
        shown = self._show(now_us)
        for viewer in tuple(self._peers.values()):
            downlink = viewer.receiving()
            if downlink is not None and (only is None or downlink.has(only)):
                changed = False
                with self._mishaps.serving(viewer):
                    changed = downlink.flow(shown, now_us)
                if changed:
                    yield viewer

    def seen(self) -> list[Peer]:
        """Those who may send a picture."""
        return [peer for peer in self._peers.values() if not peer.allowed.isdisjoint(PICTURES)]

    def _show(self, now_us: int) -> Callable[[Seat], Showing | None]:
        on_show: dict[Seat, Showing | None] = {}

        def shown(seat: Seat) -> Showing | None:
            if seat not in on_show:  # a hundred viewers of one camera ask the same
                on_show[seat] = None
                sender = self._peers.get(seat.peer)
                track = sender.track(seat.source) if sender is not None else None
                if sender is not None and track is not None and track.allowed:
                    with self._mishaps.serving(sender):  # whose error it is, not that of those who watch
                        on_show[seat] = show(track, now_us)
            return on_show[seat]

        return shown
