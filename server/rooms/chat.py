"""Chat: a message belongs to the room its author was in, and is read there only (audience.py).

A deleted message keeps its place and loses its text. Typing indicators are pulses and *not* here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from server.rooms.breakouts import BreakoutsClosed
from server.rooms.kernel import MAIN, Command, Envelope, Event, Instant, MessageId, ParticipantId, Refused, RoomId
from server.rooms.plaintext import require_text

TEXT_LENGTH = 4_000
MESSAGES_KEPT = 1_000
"""Per room, and again for all closed breakout rooms together. Older ones are in the log."""
UNITS_KEPT = 400_000
"""Of text, counted alike, in UTF-16 units as browsers count: every view holds it, and whoever joins is sent one."""


class SendMessage(Command, frozen=True, tag="chat.send"):
    """Say something to the room one is in."""

    text: str


class DeleteMessage(Command, frozen=True, tag="chat.delete"):
    """Take back one's own message; a host may delete anyone's in the room he is in."""

    message: MessageId


Commands = SendMessage | DeleteMessage


class MessageSent(Event, frozen=True, tag="chat.sent"):
    message: MessageId
    room: RoomId
    author: ParticipantId
    text: str


class MessageDeleted(Event, frozen=True, tag="chat.deleted"):
    message: MessageId
    by: ParticipantId


Concerns = MessageSent | MessageDeleted | BreakoutsClosed


class Message(Struct, frozen=True):
    id: MessageId
    room: RoomId
    author: ParticipantId
    text: str
    at: Instant
    deleted: bool = False


class Chat(Struct, frozen=True):
    """Of every room, oldest first."""

    messages: tuple[Message, ...] = ()

    def message(self, message: MessageId) -> Message | None:
        # Newest first: what is deleted was mostly just written.
        return next((m for m in reversed(self.messages) if m.id == message), None)


def decide(chat: Chat, command: Commands, envelope: Envelope, room: RoomId) -> Sequence[Event]:
    """`room` is where the actor is."""
    match command:
        case SendMessage(text):
            require_text(text, "chat", TEXT_LENGTH)
            return [MessageSent(MessageId(envelope.fresh), room, envelope.actor, text)]
        case DeleteMessage(message):
            found = chat.message(message)
            # The same answer for "no such message" and "not in your room": ids of other rooms cannot be probed.
            if found is None or found.room != room:
                raise Refused("chat.unknown")
            return [] if found.deleted else [MessageDeleted(message, by=envelope.actor)]
        case _:
            assert_never(command)


def apply(chat: Chat, event: Concerns, at: Instant) -> Chat:
    match event:
        case MessageSent(message, room, author, text):
            return Chat((*_make_space(chat.messages, room, text), Message(message, room, author, text, at)))
        case MessageDeleted(message):
            return Chat(tuple(replace(m, text="", deleted=True) if m.id == message else m for m in chat.messages))
        case BreakoutsClosed():
            return Chat(_forget_old_rooms(chat.messages))
        case _:
            assert_never(event)


def _make_space(messages: tuple[Message, ...], room: RoomId, text: str) -> tuple[Message, ...]:
    """Room by room, or a busy breakout room would push the messages of the others out of their views unseen."""
    here = [m for m in messages if m.room == room]
    surplus = _surplus(here, MESSAGES_KEPT - 1, UNITS_KEPT - _units(text))
    return _without(messages, here[:surplus])


def _forget_old_rooms(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Nobody can enter a closed breakout room again, so only later viewers read its messages."""
    closed = [m for m in messages if m.room != MAIN]
    return _without(messages, closed[: _surplus(closed, MESSAGES_KEPT, UNITS_KEPT)])


def _surplus(messages: Sequence[Message], most: int, most_units: int) -> int:
    """How many of the oldest have to go."""
    surplus = max(0, len(messages) - most)
    if 2 * sum([len(m.text) for m in messages]) <= most_units:
        return surplus
    units = sum(_units(m.text) for m in messages[surplus:])
    while units > most_units:
        units -= _units(messages[surplus].text)
        surplus += 1
    return surplus


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _without(messages: tuple[Message, ...], gone: Sequence[Message]) -> tuple[Message, ...]:
    ids = {m.id for m in gone}
    return tuple([m for m in messages if m.id not in ids]) if ids else messages
