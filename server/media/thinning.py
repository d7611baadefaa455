"""How one encoding reaches those whose link carries it only with fewer pictures a second.

Each thinned form is made once, however many get it, and only while somebody does. To the fan-out it is a stream like
any other, with slots of its own; a slot moves to another form between two packets (rtp/temporal.py says at which).
VP8 alone: a picture of VP9 may name those it refers to by their distance, which leaving out changes.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from server.media.rtp.source import Packet
from server.media.rtp.temporal import EVERY_TID, ThinnedStream, turned

if TYPE_CHECKING:
    from server.media.publisher import Encoding
    from server.media.slot import Slot

FORMS = 4
"""The names of an encoding's forms: its own, which is a multiple of this, and one for each TID but the highest."""

_ENOUGH_BYTES = 100_000
"""A second or several: what came longer ago counts for half."""


class Thinned:
    """An encoding up to a TID. `whole` is the encoding."""

    def __init__(self, whole: Encoding, highest_tid: int) -> None:
        self.whole = whole
        self.highest_tid = highest_tid
        self.source = whole.source + 1 + highest_tid
        self.stream = ThinnedStream(self.source, highest_tid)
        self.slots: list[Slot] = []
        self.latest: Packet | None = None


Form: TypeAlias = "Encoding | Thinned"


class Move(NamedTuple):
    """A slot that gets another form from this packet on, and what number and picture id that has in the present one."""

    slot: Slot
    form: Form
    packet: Packet
    number: int
    picture: int


class Thinning:
    """The thinned forms of one encoding, who gets them, and who is about to change."""

    def __init__(self, whole: Encoding) -> None:
        self._whole = whole
        self._thinned: list[Thinned] = []
        self._turning: list[Slot] = []
        self._bytes_by_tid = [0] * (EVERY_TID + 1)

    def note(self, packet: Packet, size: int) -> None:
        """A packet with a TID has come."""
        self._bytes_by_tid[packet.temporal_id] += size

    @property
    def top(self) -> int:
        """The highest TID there is, 0 for a stream without temporal layers."""
        return max((tid for tid, size in enumerate(self._bytes_by_tid) if size), default=0)

    def shares(self) -> tuple[float, ...]:
        """What part of the rate the stream takes up to TID 0, 1, ...; the whole left out."""
        sizes = self._bytes_by_tid
        total = sum(sizes)
        shares = tuple(sum(sizes[: tid + 1]) / total for tid in range(self.top))
        if total > _ENOUGH_BYTES:
            self._bytes_by_tid = [size // 2 for size in sizes]
        return shares

    @property
    def in_use(self) -> bool:
        """Whether anybody gets less than the whole, or changes."""
        if not self._thinned:  # as nearly always
            return False
        return bool(self._turning) or any(thinned.slots for thinned in self._thinned)

    def viewers(self) -> list[Slot]:
        """The slots of all forms."""
        return self._whole.slots + [slot for thinned in self._thinned for slot in thinned.slots]

    def limit(self, highest_tid: int) -> int:
        """The same, or EVERY_TID where nothing would be left out."""
        return highest_tid if highest_tid < self.top else EVERY_TID

    def form(self, highest_tid: int) -> Form:
        """The stream up to a TID."""
        if highest_tid == EVERY_TID:
            return self._whole
        while len(self._thinned) <= highest_tid:
            self._thinned.append(Thinned(self._whole, len(self._thinned)))
        return self._thinned[highest_tid]

    def recall(self, source: int, number: int) -> Packet | None:
        """What went out as this number of one of the forms."""
        place = source - self._whole.source - 1
        stream = self._whole.stream if place < 0 else self._thinned[place].stream
        return stream.recall(number)

    def turn(self, slot: Slot) -> None:
        """See that the slot gets the form it is to have (`highest_tid`) as soon as that can be."""
        for tid in range(self.top):  # it may go up through those between
            self.form(tid)
        if slot not in self._turning:
            self._turning.append(slot)

    def forget(self, slot: Slot) -> None:
        """It does not change any more."""
        if slot in self._turning:
            self._turning.remove(slot)

    def spread(self, packet: Packet) -> tuple[list[tuple[Form, Packet]], list[Move]]:
        """The packet in each form it has, and who changes over to one of them with it."""
        forms: list[tuple[Form, Packet]] = [(self._whole, packet)]
        for thinned in self._thinned:
            kept = thinned.stream.accept(packet)
            if kept is not None:
                thinned.latest = kept
                forms.append((thinned, kept))
        moves: list[Move] = []
        if self._turning and packet.number == self._whole.stream.highest:
            by_tid = {form.highest_tid: (form, own) for form, own in forms}
            moves = [Move(slot, *by_tid[tid], *self._place(packet, slot)) for slot, tid in self._due(packet, by_tid)]
        return forms, moves

    def _due(self, packet: Packet, forms: Container[int]) -> list[tuple[Slot, int]]:
        due: list[tuple[Slot, int]] = []
        for slot in tuple(self._turning):
            present = slot.flowing_tid
            tid = turned(packet, present, slot.highest_tid, self.top)
            if tid > present and self._whole.gaps.missing:
                continue  # what comes late belongs to a form that may be made no longer
            if tid not in forms:
                self.form(tid)  # one that begins with a later picture: the stream has more of them than it had
                continue
            if tid != present:
                due.append((slot, tid))
            if tid == slot.highest_tid:
                self._turning.remove(slot)
        return due

    def _place(self, packet: Packet, slot: Slot) -> tuple[int, int]:
        tid = slot.flowing_tid
        return (packet.number, packet.picture) if tid == EVERY_TID else self._thinned[tid].stream.place(packet)
