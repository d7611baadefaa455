"""Who is looked after at which tick: everybody in turn, and every time those with something to do.

Most peers of a large class sit and listen. They come up a few times a second, a part of them at each tick, so that
nothing comes in bursts; in between they cost nothing, not even a look.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.media.mishaps import Mishaps
from server.media.peer import Peer


class Rounds:
    """`parts` ticks make a round."""

    def __init__(self, parts: int, mishaps: Mishaps) -> None:
        self._parts = parts
        self._mishaps = mishaps
        self._ticks = 0
        self._restless: set[Peer] = set()

    def wakes(self, peer: Peer) -> None:
        """He has a new connection, to be looked after until it is up, or one that begins to send."""
        self._restless.add(peer)

    def tick(self, peers: Sequence[Peer], now_us: int) -> None:
        """Look after those who are due."""
        self._ticks += 1
        in_turn = peers[self._ticks % self._parts :: self._parts]
        for peer in in_turn:
            self._look_after(peer, now_us, in_turn=True)
        for peer in self._restless.difference(in_turn):
            self._look_after(peer, now_us, in_turn=False)

    def _look_after(self, peer: Peer, now_us: int, *, in_turn: bool) -> None:
        connection = peer.connection
        if connection is not None:
            with self._mishaps.serving(peer):
                connection.tick(now_us, in_turn)
        if connection is not None and (now_us < connection.awake_until_us or not connection.is_up):
            self._restless.add(peer)
        else:
            self._restless.discard(peer)
