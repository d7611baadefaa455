"""Temporal layers: fewer pictures a second of the same VP8 stream (RFC 7741 4.2: TID, Y). Pure.

    TID 2      *       *       *       *        Chromium's three: all of them,
    TID 1          *               *            up to TID 1 half of them for 60 % of the bits,
    TID 0  *               *                    up to TID 0 a quarter for 40 %

No picture refers to one of a higher TID, so what is above a limit can be left out from any picture on. What was left
out can come back with a picture that refers to TID 0 alone (Y), one TID at a time, or with a keyframe.

A thinned stream is numbered anew, once for all who get it: to them nothing is missing. A hole stays a hole, for nobody
knows yet whether it will be left out; if so, an empty packet fills it, as for a late probe (source.py).
"""

from __future__ import annotations

from server.media.rtp.source import Packet

EVERY_TID = 3
"""The highest there can be: nothing is left out."""

_REMEMBERED_CUTS = 256
_NOTHING = memoryview(b"")


def turned(packet: Packet, present: int, wanted: int, top: int) -> int:
    """Up to which TID a viewer gets the stream from this packet on, who had it up to `present` and is to have `wanted`.

    `top` is the highest TID the stream has; `wanted` is below it or EVERY_TID.
    """
    if not packet.starts_frame:
        return present
    if packet.temporal_id <= wanted and (packet.keyframe or wanted < present or present >= top):
        return wanted
    if present < wanted and packet.temporal_id == present + 1 and packet.sync:
        return present + 1 if present + 1 < top else EVERY_TID
    return present


class ThinnedStream:
    """The packets of one source up to a TID. `source` is its own name; what can be recalled is as in SourceStream."""

    def __init__(self, source: int, highest_tid: int, remembered: int = 512) -> None:
        self.source = source
        self.highest_tid = highest_tid
        self._mask = remembered - 1
        self._recent: list[Packet | None] = [None] * remembered
        self._numbers = _Cuts()
        self._pictures = _Cuts()

    def accept(self, packet: Packet) -> Packet | None:
        """The packet as it is in this stream; None if it is left out."""
        left_out = packet.temporal_id > self.highest_tid
        if packet.picture > self._pictures.highest:
            self._pictures.note(packet.picture, cut=left_out)
        if packet.number > self._numbers.highest:
            self._numbers.note(packet.number, cut=left_out)
            if left_out:
                return None
        before = self._numbers.before(packet.number)
        if before is None:
            return None
        number = packet.number - before
        if left_out:
            thinned = Packet(self.source, number, packet.timestamp, False, _NOTHING, packet.arrival_us)
        else:
            thinned = self._renumbered(packet, number)
        self._recent[number & self._mask] = thinned
        return thinned

    def place(self, packet: Packet) -> tuple[int, int]:
        """The number and the picture id the latest packet of the source has here, or would have."""
        before, pictures_before = self._numbers.before(packet.number), self._pictures.before(packet.picture)
        return packet.number - (before or 0), packet.picture - (pictures_before or 0)

    def recall(self, number: int) -> Packet | None:
        """A recent packet by its number, if it came."""
        packet = self._recent[number & self._mask]
        return packet if packet is not None and packet.number == number else None

    def _renumbered(self, packet: Packet, number: int) -> Packet:
        return Packet(
            self.source,
            number,
            packet.timestamp,
            packet.marker,
            packet.payload,
            packet.arrival_us,
            packet.kept_byte,
            packet.picture - (self._pictures.before(packet.picture) or 0),
            packet.picture_at,
            packet.tl0,
            packet.tl0_at,
            packet.temporal_id,
            packet.starts_frame,
            packet.keyframe,
            packet.descriptor_size,
            packet.sync,
        )


class _Cuts:
    """How many numbers were left out before a number, of those that only grow."""

    def __init__(self) -> None:
        self.highest = -1
        # (from this number on, so many were left out before it), oldest first.
        self._cuts: list[tuple[int, int]] = [(0, 0)]

    def note(self, number: int, *, cut: bool) -> None:
        """The next number, above all before it."""
        self.highest = number
        if cut:
            self._cuts.append((number + 1, self._cuts[-1][1] + 1))
            del self._cuts[:-_REMEMBERED_CUTS]

    def before(self, number: int) -> int | None:
        """None if that is too long ago."""
        for start, taken in reversed(self._cuts):
            if start <= number:
                return taken
        return None
