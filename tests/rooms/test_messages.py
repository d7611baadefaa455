"""The words of the rules as data: told apart by type, strict where they come in, readable for ever."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from server.rooms.kernel import Command, Event
from server.rooms.polls import PollAnswered
from server.rooms.room import AnyCommand, AnyEvent

RELEASED = sorted((Path(__file__).parent / "released").glob("*.jsonl"))


def tag(message: type[Command] | type[Event]) -> str:
    return str(message.__struct_config__.tag)


def test_every_message_has_a_dotted_name_of_its_own() -> None:
    for union in (AnyCommand, AnyEvent):
        tags = [tag(message) for message in get_args(union)]
        assert len(set(tags)) == len(tags)
        assert all(re.fullmatch(r"[a-z]+\.[a-z-]+", name) for name in tags)


@pytest.mark.parametrize("command", get_args(AnyCommand), ids=tag)
def test_a_command_with_a_field_nobody_asked_for_does_not_decode(command: type[Command]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": tag(command), "role_of_sender": "instructor"}, AnyCommand)


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_every_event_of_every_released_version_decodes(file: Path) -> None:
    """What stands in these files is in somebody's log: never edit one, add one with each release."""
    for line in file.read_text().splitlines():
        today = msgspec.json.decode(msgspec.json.encode(msgspec.json.decode(line, type=AnyEvent)))
        assert today | msgspec.json.decode(line) == today


def test_the_newest_released_file_holds_every_event_that_is_stored() -> None:
    newest = {msgspec.json.decode(line)["type"] for line in RELEASED[-1].read_text().splitlines()}
    assert newest == {tag(event) for event in get_args(AnyEvent) if event is not PollAnswered}
