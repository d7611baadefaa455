"""One receiving line of one viewer: a stream that never breaks, whatever is put on it.

The numbers are rtp.rewrite's; which seat a slot has is the circle's choice; here is only how it comes to carry a
layer of that seat: at once for sound, at a keyframe for pictures, the old layer going on until then. Fewer or more
pictures a second of the same layer need no keyframe (thinning.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.media.fanout import Departures
from server.media.formats import Kind
from server.media.rtp.rewrite import PayloadTypes, StreamRewriter
from server.media.rtp.source import Packet
from server.media.rtp.temporal import EVERY_TID
from server.media.seating import Seat
from server.media.shapes import Shown
from server.media.thinning import Form

if TYPE_CHECKING:
    from server.media.publisher import Encoding


# A browser whose picture is frozen asks five times a second until the keyframe is there. Whoever needs more than one in
# two seconds for long has a link too bad for keyframes, or means ill.
_MOST_WISHES = 10.0
_WISH_US = 2_000_000


class Slot:
    """`seat` is who sits there, `quality` how well it is to be seen; `encoding` is what flows or is about to, up to
    `highest_tid`. `types` says under which payload types the viewer can be sent each kind of stream.
    """

    __slots__ = (
        "_asked_us",
        "_form",
        "_leaving",
        "_stopped_at",
        "_wishes",
        "departures",
        "encoding",
        "highest_tid",
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
        self.highest_tid = EVERY_TID
        # In whose list of slots this one is: the form of `encoding` it has or awaits, and what flows until then.
        self._form: Form | None = None
        self._leaving: Form | None = None
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
        flowing = self._leaving if self.is_switching else self._form
        return flowing.latest if flowing is not None else self._stopped_at

    @property
    def flowing_tid(self) -> int:
        """Up to which TID `encoding` comes now, or will with its keyframe."""
        return self._form.highest_tid if self._form is not None else EVERY_TID

    @property
    def is_switching(self) -> bool:
        """Whether a keyframe (or the first sound) is still awaited."""
        return self.rewriter.awaited >= 0

    def carry(self, encoding: Encoding, highest_tid: int = EVERY_TID) -> None:
        """Let this layer flow, which is of a kind in `types`; another layer of the same track goes on until the first
        keyframe.
        """
        if self.is_still:
            self.carry_nothing()
        present, form = self.encoding, self._form
        highest_tid = encoding.thinning.limit(highest_tid)
        if present is encoding and form is not None:
            if highest_tid != self.highest_tid:
                self._thin(encoding, form, highest_tid)
            return
        if present is not None and form is not None and present.track is encoding.track:
            self._part_with(form)
        else:
            self.carry_nothing()
        self.encoding, self.highest_tid = encoding, highest_tid
        self.reported_us = 0
        leaving = self._leaving
        if leaving is not None and leaving.whole is encoding:  # back to what still flows
            self._form, self._leaving = leaving, None
            self._switch(encoding, leaving)
            if leaving.highest_tid != highest_tid:
                encoding.thinning.turn(self)
        else:
            self._await(encoding, highest_tid)

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
        if self.is_still and self.encoding is not None:
            self.encoding.stills.slots.remove(self)
        for form in (self._form, self._leaving):
            if form is not None:
                form.slots.remove(self)
                form.whole.thinning.forget(self)
        self.encoding = self._form = self._leaving = None
        self.is_still = False
        self.rewriter.stop()

    def turn(self, form: Form, packet: Packet, number: int, picture: int) -> None:
        """Get another form of the same layer from this packet on; the numbers are those it has in the present form."""
        if self._form is not None:
            self._form.slots.remove(self)
        self._form = form
        form.slots.append(self)
        self.rewriter.turn(packet, number, picture)

    def settle(self) -> None:
        """After packets went out: once the awaited keyframe is through, let the old layer go."""
        if self._leaving is not None and not self.is_switching:
            self._leaving.slots.remove(self)
            self._leaving = None

    def _await(self, encoding: Encoding, highest_tid: int) -> None:
        self._form = form = encoding.thinning.form(highest_tid)
        form.slots.append(self)
        self._switch(encoding, form)

    def _switch(self, encoding: Encoding, form: Form) -> None:
        flowing = self._leaving
        ahead = encoding.clock.ahead_of(flowing.whole.clock) if flowing is not None else None
        self.rewriter.switch(form.source, self.types[encoding.track.format.kind], ahead)

    def _thin(self, encoding: Encoding, form: Form, highest_tid: int) -> None:
        self.highest_tid = highest_tid
        if self.is_switching:  # any form may begin with the keyframe
            form.slots.remove(self)
            self._await(encoding, highest_tid)
        else:
            encoding.thinning.turn(self)

    def _part_with(self, present: Form) -> None:
        self.settle()
        present.whole.thinning.forget(self)
        if self._leaving is None:
            self._leaving = present
        else:
            present.slots.remove(self)  # it was awaited in vain; what flows is still the one before
