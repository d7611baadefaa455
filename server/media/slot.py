"""One receiving line of one viewer: a stream that never breaks, whatever is put on it.

The numbers are rtp.rewrite's; which seat a slot has is the circle's choice; here is only how it comes to carry a
layer of that seat: at once for sound, at a keyframe for pictures, the old layer going on until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.media.fanout import Departures
from server.media.formats import Kind
from server.media.rtp.rewrite import PayloadTypes, StreamRewriter
from server.media.rtp.source import Packet
from server.media.seating import Seat
from server.media.shapes import Shown

if TYPE_CHECKING:
    from server.media.publisher import Encoding


# A browser whose picture is frozen asks five times a second until the keyframe is there. Whoever needs more than one in
# two seconds for long has a link too bad for keyframes, or means ill.
_MOST_WISHES = 10.0
_WISH_US = 2_000_000


class Slot:
    """`seat` is who sits there, `quality` how well it is to be seen; `encoding` is what flows or is about to.

    `types` says under which payload types the viewer can be sent each kind of stream.
    """

    __slots__ = (
        "_asked_us",
        "_leaving",
        "_stopped_at",
        "_wishes",
        "departures",
        "encoding",
        "is_still",
        "kind",
        "mid",
        "quality",
        "rank",
        "reported_us",
        "rewriter",
        "seat",
        "shown",
        "types",
    )

    def __init__(
        self,
        mid: str,
        kind: str,
        departures: Departures,
        rewriter: StreamRewriter,
        types: Mapping[Kind, PayloadTypes],
    ) -> None:
        self.mid = mid
        self.kind = kind
        self.types = types
        self.departures = departures
        self.rewriter = rewriter
        self.seat: Seat | None = None
        self.quality = "low"
        self.rank = 0
        """How important it is to the viewer, 0 the most."""
        self.encoding: Encoding | None = None
        self.is_still = False
        """Whether only stills of the encoding come (stills.py)."""
        self.shown = Shown.LIVE
        self._leaving: Encoding | None = None
        self._stopped_at: Packet | None = None
        self.reported_us = 0
        self._wishes = _MOST_WISHES
        self._asked_us = 0

    def may_ask(self, now_us: int) -> bool:
        """Whether its viewer may ask for a keyframe, which all others who watch get too."""
        self._wishes = min(_MOST_WISHES, self._wishes + (now_us - self._asked_us) / _WISH_US)
        self._asked_us = now_us
        if self._wishes < 1:
            return False
        self._wishes -= 1
        return True

    @property
    def latest(self) -> Packet | None:
        """A packet that went out on this slot not long ago."""
        if self.is_still:
            return self.rewriter.latest
        flowing = self._leaving if self.is_switching else self.encoding
        return flowing.latest if flowing is not None else self._stopped_at

    @property
    def is_switching(self) -> bool:
        """Whether a keyframe (or the first sound) is still awaited."""
        return self.rewriter.awaited >= 0

    def carry(self, encoding: Encoding) -> None:
        """Let this layer flow, which is of a kind in `types`; another layer of the same track goes on until the first
        keyframe.
        """
        if self.is_still:
            self.carry_nothing()
        present = self.encoding
        if present is encoding:
            return
        if present is not None and present.track is encoding.track:
            self._part_with(present)
        else:
            self.carry_nothing()
        self.encoding = encoding
        self.reported_us = 0
        if encoding is self._leaving:
            self._leaving = None  # back to what still flows
        else:
            encoding.slots.append(self)
        flowing = self._leaving
        ahead = encoding.clock.ahead_of(flowing.clock) if flowing is not None else None
        self.rewriter.switch(encoding.source, self.types[encoding.track.format.kind], ahead)

    def carry_stills(self, encoding: Encoding) -> None:
        """Let stills of this layer come, the first one as soon as there is one; what flowed stops at once."""
        if self.is_still and self.encoding is encoding:
            return
        self.carry_nothing()
        self.encoding, self.is_still = encoding, True
        self.reported_us = 0
        encoding.stills.slots.append(self)
        self.rewriter.switch(encoding.source, self.types[encoding.track.format.kind])

    def carry_nothing(self) -> None:
        """Stop at once."""
        self._stopped_at = self.latest
        for encoding in (self.encoding, self._leaving):
            if encoding is not None:
                (encoding.stills.slots if self.is_still else encoding.slots).remove(self)
        self.encoding = self._leaving = None
        self.is_still = False
        self.rewriter.stop()

    def settle(self) -> None:
        """After packets went out: once the awaited keyframe is through, let the old layer go."""
        if self._leaving is not None and not self.is_switching:
            self._leaving.slots.remove(self)
            self._leaving = None

    def _part_with(self, present: Encoding) -> None:
        self.settle()
        if self._leaving is None:
            self._leaving = present
        else:
            present.slots.remove(self)  # it was awaited in vain; what flows is still the one before
