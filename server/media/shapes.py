"""The words in which the media plane is asked and answers: peers, circles, answers, wishes, slots.

No behaviour, and no classrooms: what a peer or a circle stands for is the caller's business (server/live/ports).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NewType, Protocol

from msgspec import Struct

PeerId = NewType("PeerId", str)
"""One participant's media connection: f"{class_id}/{participant_id}"."""

Circle = NewType("Circle", str)
"""Those who may hear and see one another: f"{class_id}/{room_id}"."""


class Answer(Struct, frozen=True):
    """The server's half of the one offer/answer. `slots` are the receiving lines by mid, kind "audio" or "video"."""

    sdp: str
    slots: Mapping[str, str]


class Want(Struct, frozen=True):
    """A picture a viewer wants, most important first. `quality` is "high" (stage), "low" (thumbnail) or "stills".

    Stills are whole and in full size, but come seconds apart, and only when something has changed.
    """

    peer: PeerId
    source: str
    quality: str


class Shown(Enum):
    """How a source comes to a viewer."""

    LIVE = "live"
    STILLS = "stills"
    """As still pictures every few seconds, because he wished it or his link does not carry more of a screen."""
    UNPLAYABLE = "unplayable"
    """Not at all: his offer has none of the codecs that it is sent in."""


class SlotContent(Struct, frozen=True):
    """What receiving line `mid` carries now. An empty `peer` says: nothing, hide it."""

    mid: str
    peer: PeerId
    source: str
    shown: Shown = Shown.LIVE


class Less(Enum):
    """What a link that is too narrow leaves of a picture."""

    FEWER = "fewer"
    """Pictures a second."""
    SMALLER = "smaller"
    NOTHING = "nothing"


class Reduced(Struct, frozen=True):
    """A picture that a viewer does not get as he wished, for his link does not carry it.

    `rid` is the layer he gets, "" where there is but one or none fits; of its temporal layers those up to
    `highest_tid`, None for all.
    """

    peer: PeerId
    source: str
    less: Less
    rid: str
    highest_tid: int | None


class LinkReport(Struct, frozen=True):
    """How one peer's connection did lately. `up` is from the peer to us, `down` back."""

    round_trip_ms: int | None
    """None: nobody has told (who receives nothing does not)."""

    lost_up: float
    lost_down: float
    """Shares of the packets, 0 to 1, before any repair."""

    up_bps: int
    down_bps: int
    pictures: int
    """How many are on the peer's slots, those included of which nothing fits."""
    reduced: tuple[Reduced, ...]


class MediaListener(Protocol):
    """What the media plane reports. Called on the event loop; must not block."""

    def media_connected(self, peer: PeerId) -> None: ...
    def media_lost(self, peer: PeerId, reason: str) -> None:
        """`reason`: "closed", "timeout" (no consent for 15 s), "failed" (DTLS) or "error" (ours)."""

    def slots_changed(self, peer: PeerId, slots: Sequence[SlotContent]) -> None:
        """The whole new mapping of one viewer, audio and video."""

    def layers_wanted(self, peer: PeerId, source: str, rids: Sequence[str]) -> None:
        """The layers of this peer's picture that somebody watches or records now; none: it need not be sent.

        At first all of them are. A picture without layers has the one rid "".
        """

    def links(self, reports: Mapping[PeerId, LinkReport]) -> None:
        """Every four seconds: those connections on which enough went by to tell."""

    def levels(self, circle: Circle, levels: Mapping[PeerId, int], speaker: PeerId | None) -> None:
        """At most 4 times a second: loudness in -dBov (0 loudest, 127 silence) of those heard, and who leads."""
