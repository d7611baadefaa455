"""The frames of the live connection: one msgpack map each, told apart by `type`.

What a client sends is checked twice before it means anything: scanned (frames) and decoded into exactly these types,
with no unknown field. Commands the class's own clock gives (joining, dropping, expiring) cannot be decoded at all.
What the server sends is what the session told, put into words; who may see what was decided before (rooms/audience).
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from server.http.errors import BadFrame
from server.http.frames import scan
from server.live import session as told
from server.live.casting import class_of
from server.live.links import Quality
from server.live.ports import Less, Shown
from server.live.pulses import Pulse
from server.rooms import breakouts, chat, hands, polls, recording, roster, stage
from server.rooms.classroom import Classroom, EndClass
from server.rooms.kernel import Event, Instant, ParticipantId, Role

ParticipantCommand = (
    roster.LeaveClass
    | roster.SetRole
    | roster.RemoveParticipant
    | chat.Commands
    | hands.Commands
    | polls.Commands
    | breakouts.Commands
    | stage.Commands
    | recording.Wishes
    | EndClass
)
"""All that a participant may wish for. Whether he may have it is decided by rooms/permissions."""

Token = Annotated[str, Meta(max_length=4096)]
ClientName = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
Id = Annotated[str, Meta(max_length=64)]
Mid = Annotated[str, Meta(max_length=16)]
Source = Annotated[str, Meta(max_length=16)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""JavaScript's integers end there."""


class ClientFrame(Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """From the browser."""


class Hello(ClientFrame, frozen=True, tag="hello"):
    """The first frame, within five seconds: the join token, which program this is, and where it had got to."""

    token: Token
    client: ClientName
    """Names the sending program; with a command's counter it makes sure that the command is done once."""
    last_seq: Count | None = None
    """The last entry this client has applied to its view; null: it has no view."""


class CommandFrame(ClientFrame, frozen=True, tag="command"):
    """A wish. Answered by `ack` or `refused` with its counter; sent again with the same counter it is done once."""

    counter: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    command: ParticipantCommand


class PulseFrame(ClientFrame, frozen=True, tag="pulse"):
    """Something only worth knowing now; relayed to one's room, never stored, dropped when there is too much of it."""

    pulse: Pulse


class MediaOffer(ClientFrame, frozen=True, tag="media.offer"):
    """The one WebRTC offer of a media connection, or its ICE restart. Answered by `media.answer` or `error`."""

    sdp: Annotated[str, Meta(max_length=60_000)]
    sources: Annotated[dict[Mid, Source], Meta(max_length=16)]
    """One's own sending lines: mid -> "mic", "camera", "screen" or "screen_audio"."""


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A picture to receive; `quality` "high" (large), "low" (thumbnail) or "stills" (full size, every few seconds)."""

    participant: Id
    source: Source
    quality: Annotated[str, Meta(pattern="^(high|low|stills)$")]


class MediaWatch(ClientFrame, frozen=True, tag="media.watch"):
    """What is on this viewer's screen, most important first; replaces what was wanted before."""

    wanted: Annotated[tuple[Wanted, ...], Meta(max_length=64)]
    cameras: Annotated[int, Meta(ge=0, le=64)] | None = None
    """At most so many cameras are sent, wished or not; 0 saves data. Null: as many as there are lines. Lines that
    wishes leave free are filled with what else there is, so that whoever comes is seen at once."""


class Ping(ClientFrame, frozen=True, tag="ping"):
    """Answered by `pong` with the same `n`."""

    n: Count


ClientMessage = Hello | CommandFrame | PulseFrame | MediaOffer | MediaWatch | Ping


class ServerFrame(Struct, frozen=True, tag_field="type"):
    """To the browser. `now` is the server's clock in Unix milliseconds."""


class EntryFrame(ServerFrame, frozen=True, tag="entry"):
    """What one command did, as far as this viewer may see it. `seq` grows, with gaps for what he may not see."""

    seq: int
    at: Instant
    actor: ParticipantId
    events: tuple[Event, ...]
    now: Instant


class Welcome(ServerFrame, frozen=True, tag="welcome"):
    """The answer to `hello`: the whole view, or (a resume) none, and the missed entries follow as `entry` frames."""

    participant: ParticipantId
    role: Role
    now: Instant
    seq: int
    """Where the view stands; on a resume, the `last_seq` of the hello."""
    view: Classroom | None
    entries: tuple[EntryFrame, ...] | None
    """Missed entries that need no frame of their own; null beside a view."""


class Ack(ServerFrame, frozen=True, tag="ack"):
    """The command with this counter is done and on disk; entry `seq` holds what it did."""

    counter: int
    seq: int


class RefusedFrame(ServerFrame, frozen=True, tag="refused"):
    """The command with this counter did nothing. `reason` is a stable dotted code, such as "poll.closed"."""

    counter: int
    reason: str


class ViewFrame(ServerFrame, frozen=True, tag="view"):
    """A whole new view in place of entries: what this viewer may see has changed."""

    seq: int
    view: Classroom
    now: Instant


class PulseTold(ServerFrame, frozen=True, tag="pulse"):
    participant: ParticipantId
    pulse: Pulse


class MediaAnswer(ServerFrame, frozen=True, tag="media.answer"):
    sdp: str
    slots: dict[str, str]
    """The receiving lines: mid -> "audio" or "video"."""


class MediaSlot(Struct, frozen=True):
    """What a receiving line carries; participant "" says: nothing, hide it.

    `shown` "stills": still pictures every few seconds, as wished or because the link carries no more of a screen;
    "unplayable": the offer had none of the codecs in which this is sent, so nothing of it comes.
    """

    mid: str
    participant: ParticipantId
    source: str
    shown: Shown


class MediaSlots(ServerFrame, frozen=True, tag="media.slots"):
    """The whole new mapping of receiving lines. It changes without any new offer."""

    slots: tuple[MediaSlot, ...]


class MediaLayers(ServerFrame, frozen=True, tag="media.layers"):
    """Send these layers of one's own camera or screen and rest the others: nobody watches or records them.

    Lowest first; none: nobody wants the picture at all. A picture without layers has the one rid "". A new offer begins
    with all of them. Who goes on sending costs himself bandwidth and nobody else anything.
    """

    source: str
    rids: tuple[str, ...]


class MediaLevels(ServerFrame, frozen=True, tag="media.levels"):
    """Loudness in -dBov (0 loudest, 127 silence) of those heard, and who leads."""

    levels: dict[ParticipantId, int]
    speaker: ParticipantId | None


class ReducedPicture(Struct, frozen=True):
    """Whose picture, and what is left of it: "fewer" pictures a second, a "smaller" one, or "nothing".

    `layer` is the rid that comes, "" without layers; of its temporal layers those up to `temporal`, null for all.
    """

    participant: ParticipantId
    source: str
    less: Less
    layer: str
    temporal: int | None


class MediaLink(ServerFrame, frozen=True, tag="media.link"):
    """How good one's own connection is, told when that changes, every four seconds at most.

    `lost_in` and `lost_out` are percent of the packets one is sent and one sends, before repair; `reduced` are the
    pictures that come with less than they would on a better connection.
    """

    quality: Quality
    lost_in: int
    lost_out: int
    round_trip_ms: int | None
    reduced: tuple[ReducedPicture, ...]


class MediaLinks(ServerFrame, frozen=True, tag="media.links"):
    """For instructors and assistants: everyone whose connection is not good. The whole map, when it changes."""

    links: dict[ParticipantId, Quality]


class MediaGone(ServerFrame, frozen=True, tag="media.lost"):
    """The media connection ended ("closed", "timeout", "failed", "error"); offer again. The class goes on."""

    reason: str


class Pong(ServerFrame, frozen=True, tag="pong"):
    n: int
    now: Instant


class ErrorFrame(ServerFrame, frozen=True, tag="error"):
    """A frame that could not be used, or, before `welcome`, why the connection ends. `code` is stable and dotted."""

    code: str


class ByeFrame(ServerFrame, frozen=True, tag="bye"):
    """The last frame; the close code says the same (see CLOSE_CODES)."""

    reason: str


ServerMessage = (
    Welcome
    | Ack
    | RefusedFrame
    | EntryFrame
    | ViewFrame
    | PulseTold
    | MediaAnswer
    | MediaSlots
    | MediaLayers
    | MediaLevels
    | MediaLink
    | MediaLinks
    | MediaGone
    | Pong
    | ErrorFrame
    | ByeFrame
)

HELLO_WITHIN_S = 5.0
BAD_FRAMES_ALLOWED = 20

CLOSE_CODES = {
    "bad-frames": 4400,
    "token": 4401,
    "refused": 4403,
    "hello-timeout": 4408,
    "elsewhere": 4409,
    "ended": 4410,
    "removed": 4411,
    "left": 4412,
    "slow": 4429,
    "server": 4500,
    "shutdown": 4503,
}
"""Private use range (RFC 6455 7.4.2), after the HTTP status each resembles."""

_decoder = msgspec.msgpack.Decoder(ClientMessage)
_encoder = msgspec.msgpack.Encoder()


def decode(frame: bytes) -> ClientMessage:
    """Raises BadFrame for anything that is not exactly a frame of the protocol."""
    scan(frame)
    try:
        decoded: ClientMessage = _decoder.decode(frame)
    except (ValueError, RecursionError):
        # Also text that is not UTF-8 and numbers out of range: msgspec's errors are ValueErrors.
        raise BadFrame("frame.schema") from None
    return decoded


def encode(message: ServerFrame) -> bytes:
    return _encoder.encode(message)


class Phrasebook:
    """Puts what sessions are told into bytes; an entry told to many alike is encoded once."""

    def __init__(self, most_kept: int = 256) -> None:
        self._most = most_kept
        self._said: dict[told.Told, bytes] = {}

    def encode(self, message: told.Message, now: Instant) -> bytes:
        """`now` goes into entries and views."""
        if not isinstance(message, told.Told):
            return encode(phrase(message, now))
        said = self._said.get(message)
        if said is None:
            said = self._said[message] = encode(phrase(message, now))
            if len(self._said) > self._most:
                del self._said[next(iter(self._said))]
        return said


def phrase(message: told.Message, now: Instant) -> ServerFrame:
    """The frame that says this."""
    match message:
        case told.Told(entry):
            return EntryFrame(entry.seq, entry.at, entry.actor, entry.events, now)
        case told.FreshView(view):
            return ViewFrame(view.seq, view, now)
        case told.Pulsed(participant, pulse):
            return PulseTold(participant, pulse)
        case told.Slots(slots):
            return MediaSlots(tuple(MediaSlot(slot.mid, slot.participant, slot.source, slot.shown) for slot in slots))
        case told.LayersWanted(source, rids):
            return MediaLayers(source, rids)
        case told.Levels(levels, speaker):
            return MediaLevels(dict(levels), speaker)
        case told.LinkTold(link):
            reduced = tuple(
                ReducedPicture(ParticipantId(class_of(one.peer)[1]), one.source, one.less, one.rid, one.highest_tid)
                for one in link.reduced
            )
            return MediaLink(link.quality, link.lost_in, link.lost_out, link.round_trip_ms, reduced)
        case told.PoorLinks(links):
            return MediaLinks(dict(links))
        case told.MediaLost(reason):
            return MediaGone(reason)
        case told.Bye(reason):
            return ByeFrame(reason.value)
