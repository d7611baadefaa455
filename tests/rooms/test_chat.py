"""Chat stays in its room."""

from __future__ import annotations

import pytest

from server.rooms.audience import LATER
from server.rooms.breakouts import CloseBreakouts, GroupPlan, OpenBreakouts, PlanBreakouts, VisitBreakout
from server.rooms.chat import (
    MESSAGES_KEPT,
    TEXT_LENGTH,
    UNITS_KEPT,
    DeleteMessage,
    MessageDeleted,
    MessageSent,
    SendMessage,
)
from server.rooms.kernel import MAIN, MessageId, ParticipantId, Refused, RoomId
from tests.rooms.story import Story, classroom

BO = ParticipantId("bo")


def sent(events: object) -> MessageSent:
    assert isinstance(events, tuple)
    (event,) = events
    assert isinstance(event, MessageSent)
    return event


def texts(room: Story, viewer: str) -> list[str]:
    return [message.text for message in room.sees(viewer).chat.messages]


def in_groups() -> tuple[Story, RoomId]:
    """Bo alone in Red, the others in the main room."""
    room = classroom("ann:instructor", "bo", "cy", "dee:assistant")
    room.ann(PlanBreakouts((GroupPlan("Red", (BO,)),)))
    room.ann(OpenBreakouts())
    return room, room.state.breakouts.groups[0].id


def test_a_message_is_read_by_everyone_in_the_room() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    message = sent(room.at(5_000).bo(SendMessage("hello\nthere")))
    assert message.room == MAIN
    assert room.told("cy") == (message,)
    (read,) = room.sees("cy").chat.messages
    assert (read.author, read.text, read.at) == (BO, "hello\nthere", 5_000)


def test_a_message_in_a_breakout_room_is_read_there_and_by_later_viewers_only() -> None:
    room, red = in_groups()
    assert sent(room.bo(SendMessage("psst"))).room == red
    assert room.told("ann") == room.told("cy") == ()
    assert texts(room, "ann") == []
    assert texts(room, "bo") == ["psst"]
    assert len(room.told(LATER)) == 1


def test_whoever_walks_into_a_room_reads_what_was_said_there_and_forgets_it_outside() -> None:
    room, red = in_groups()
    room.bo(SendMessage("psst"))
    room.dee(VisitBreakout(red))
    assert room.gets_fresh_view("dee")
    assert texts(room, "dee") == ["psst"]
    room.ann(CloseBreakouts())
    assert texts(room, "bo") == texts(room, "dee") == []


def test_a_deleted_message_keeps_its_place_and_loses_its_text() -> None:
    room = classroom("ann:instructor", "bo", "cy")
    message = sent(room.bo(SendMessage("oops"))).message
    assert room.ann(DeleteMessage(message)) == (MessageDeleted(message, by=ParticipantId("ann")),)
    assert room.bo(DeleteMessage(message)) == ()
    (read,) = room.sees("cy").chat.messages
    assert (read.text, read.deleted) == ("", True)


def test_only_its_author_and_hosts_delete_a_message() -> None:
    room = classroom("ann:instructor", "bo", "cy:presenter")
    message = sent(room.bo(SendMessage("mine"))).message
    with pytest.raises(Refused, match="not-allowed"):
        room.cy(DeleteMessage(message))
    room.bo(DeleteMessage(message))


def test_a_host_cannot_reach_into_a_room_he_is_not_in() -> None:
    room, _ = in_groups()
    message = sent(room.bo(SendMessage("psst"))).message
    for unknown in (message, MessageId("nothing")):
        with pytest.raises(Refused, match=r"chat\.unknown"):
            room.dee(DeleteMessage(unknown))


def test_the_deletion_of_a_message_is_told_where_it_was_read() -> None:
    room, _ = in_groups()
    message = sent(room.bo(SendMessage("psst"))).message
    room.bo(DeleteMessage(message))
    assert room.told("ann") == ()
    assert len(room.told(LATER)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "chat.empty"),
        (" \n", "chat.empty"),
        ("x" * (TEXT_LENGTH + 1), "chat.too-long"),
        ("bell\x07", "chat.control-characters"),
        ("\x1b[2J", "chat.control-characters"),
        ("abc\u202edef", "chat.control-characters"),
        ("half \udc00 a pair", "chat.control-characters"),
    ],
)
def test_text_that_is_nothing_too_much_or_disturbing_is_refused(text: str, reason: str) -> None:
    room = classroom("ann:instructor")
    with pytest.raises(Refused) as refused:
        room.ann(SendMessage(text))
    assert refused.value.reason == reason


def test_the_longest_message_and_any_script_are_welcome() -> None:
    room = classroom("ann:instructor")
    for text in ("x" * TEXT_LENGTH, "½ 🙂 שלום مرحبا 你好\tend"):
        room.ann(SendMessage(text))


def test_a_busy_breakout_room_does_not_push_out_what_the_main_room_said() -> None:
    room, _ = in_groups()
    room.ann(SendMessage("main"))
    for n in range(MESSAGES_KEPT + 1):
        room.bo(SendMessage(str(n)))
    assert texts(room, "ann") == ["main"]
    assert len(texts(room, "bo")) == MESSAGES_KEPT
    assert texts(room, "bo")[0] == "1"


def test_messages_of_closed_rooms_do_not_pile_up() -> None:
    room, _ = in_groups()
    room.ann(SendMessage("main"))
    for n in range(MESSAGES_KEPT):
        room.bo(SendMessage(str(n)))
    room.ann(CloseBreakouts())
    room.ann(PlanBreakouts((GroupPlan("Blue", (BO,)),)))
    room.ann(OpenBreakouts())
    room.bo(SendMessage("again"))
    room.ann(CloseBreakouts())
    kept = [message.text for message in room.sees(LATER).chat.messages]
    assert kept == ["main", *(str(n) for n in range(1, MESSAGES_KEPT)), "again"]


@pytest.mark.parametrize(("letter", "units"), [("x", 1), ("½", 1), ("🙂", 2)])
def test_somebody_who_fills_the_chat_does_not_make_every_view_megabytes_long(letter: str, units: int) -> None:
    room = classroom("ann:instructor", "bo")
    room.ann(SendMessage("first"))
    for _ in range(300):
        room.bo(SendMessage(letter * TEXT_LENGTH))
    room.ann(SendMessage("last"))
    kept = texts(room, "ann")
    assert len(kept) == UNITS_KEPT // (units * TEXT_LENGTH)
    assert kept[-1] == "last"


def test_long_messages_of_closed_rooms_do_not_pile_up_either() -> None:
    room, _ = in_groups()
    room.ann(SendMessage("main"))
    for n in range(4):
        for _ in range(50):
            room.bo(SendMessage(str(n) * TEXT_LENGTH))
        room.ann(CloseBreakouts())
        room.ann(PlanBreakouts((GroupPlan("Blue", (BO,)),)))
        room.ann(OpenBreakouts())
    kept = [message.text[:1] for message in room.sees(LATER).chat.messages]
    assert kept == ["m", *["2"] * 50, *["3"] * 50]
