"""What a session tells the edge: typed, already redacted, and not yet in the words of the wire (http/wire)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from server.live.links import Link, Quality
from server.live.ports import Shown
from server.live.pulses import Pulse
from server.rooms.kernel import Entry, ParticipantId
from server.rooms.room import Classroom


class ByeReason(Enum):
    """Why a session is over. After SLOW and SHUTDOWN the client comes back by itself."""

    ENDED = "ended"
    REMOVED = "removed"
    LEFT = "left"
    ELSEWHERE = "elsewhere"
    SLOW = "slow"
    SHUTDOWN = "shutdown"


class Told(Struct, frozen=True, eq=False):
    """An entry as this viewer may see it. Viewers who may see the same get the very same object: encode it once."""

    entry: Entry


class FreshView(Struct, frozen=True, eq=False):
    """The whole class as this viewer may see it, in place of everything told before. `view.seq` is where it stands."""

    view: Classroom


class Pulsed(Struct, frozen=True, eq=False):
    """Somebody in the same room did something that is not kept."""

    participant: ParticipantId
    pulse: Pulse


class Slot(Struct, frozen=True):
    """Receiving line `mid` now carries this; `participant` "" = nothing, hide it."""

    mid: str
    participant: ParticipantId
    source: str
    shown: Shown = Shown.LIVE


class Slots(Struct, frozen=True, eq=False):
    """The whole new mapping of this viewer's receiving lines."""

    slots: tuple[Slot, ...]


class LayersWanted(Struct, frozen=True, eq=False):
    """Of this participant's own picture somebody watches or records these layers, and no others."""

    source: str
    rids: tuple[str, ...]


class Levels(Struct, frozen=True, eq=False):
    """Loudness in -dBov by participant, and who leads (None: silence)."""

    levels: Mapping[ParticipantId, int]
    speaker: ParticipantId | None


class LinkTold(Struct, frozen=True, eq=False):
    """How good this participant's own connection is."""

    link: Link


class PoorLinks(Struct, frozen=True, eq=False):
    """For those who run the class: everyone whose connection is not good."""

    links: Mapping[ParticipantId, Quality]


class MediaLost(Struct, frozen=True, eq=False):
    """The media connection is gone ("closed", "timeout", "failed", "error"); the client offers again."""

    reason: str


class Bye(Struct, frozen=True, eq=False):
    """The last message of every session."""

    reason: ByeReason


Message = Told | FreshView | Pulsed | Slots | LayersWanted | Levels | LinkTold | PoorLinks | MediaLost | Bye
