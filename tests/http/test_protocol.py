"""The page about the protocol says what the types say, and the types leave nothing out."""

from __future__ import annotations

from server.http import wire
from server.http.protocol import FILE, document, members
from server.live.telling import ByeReason
from server.rooms.messages import AnyEvent
from server.rooms.permissions import TABLE


def test_the_page_about_the_protocol_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == document(), "run `python -m server.http.protocol`"


def test_every_command_that_anybody_may_give_can_be_given() -> None:
    assert set(members(wire.ParticipantCommand)) == {command for command, who in TABLE.items() if set(who) != {None}}


def test_every_message_is_in_it() -> None:
    page = document()
    for union in (wire.ClientMessage, wire.ServerMessage, wire.ParticipantCommand, AnyEvent):
        for cls in members(union):
            assert f"### `{cls.__struct_config__.tag}`" in page


def test_every_goodbye_has_a_close_code_of_its_own() -> None:
    assert {reason.value for reason in ByeReason} <= set(wire.CLOSE_CODES)
    assert len(set(wire.CLOSE_CODES.values())) == len(wire.CLOSE_CODES)
