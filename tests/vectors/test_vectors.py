"""The vectors say what the rules do, and leave no event out."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from server.rooms.room import AnyEvent
from tests.vectors.make import FOLDER, STORIES, text


@pytest.mark.parametrize("name", STORIES)
def test_a_file_of_vectors_is_up_to_date(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == text(name), "run `python -m tests.vectors.make`"


@pytest.mark.parametrize("viewer", ["instructor", "learner", "later"])
def test_every_event_that_a_viewer_can_be_told_is_in_a_vector(viewer: str) -> None:
    told = {
        event["type"]
        for name in STORIES
        for vector in json.loads((FOLDER / f"{name}.json").read_text())
        if vector["viewer"] == viewer
        for event in vector["entry"]["events"]
    }
    hidden = {"learner": {"poll.drafted", "breakouts.planned"}, "later": {"poll.drafted", "poll.voted"}}
    hidden["later"] |= {"breakouts.planned", "help.asked", "help.answered"}
    every = {str(event.__struct_config__.tag) for event in get_args(AnyEvent)}
    assert told == every - hidden.get(viewer, set())
