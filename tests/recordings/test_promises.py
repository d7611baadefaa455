"""What others rely on: the live half's port, the log's, and the page that describes the format."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import fields

from recordings.manifest import Ending, Manifest, State, Stretch, Track, Trouble
from recordings.recorder import FileRecorder
from recordings.sources import EntrySource
from recordings.timeline import Happening, Marker, Timeline
from recordings.track import Index
from server.live.ports import Recorder
from server.log.eventlog import EventLog

PAGE = Path(__file__).parents[2] / "docs" / "recordings.md"


def as_the_live_half_sees_it(recorder: FileRecorder) -> Recorder:
    return recorder  # held by mypy: recordings do not import the live half


def as_recordings_see_it(log: EventLog) -> EntrySource:
    return log


def test_every_field_is_described() -> None:
    page = PAGE.read_text()
    for struct in (Manifest, Stretch, Track, Trouble, Index, Timeline, Happening, Marker):
        for field in fields(struct):
            assert field.encode_name in page, f"{struct.__name__}.{field.encode_name} is not in docs/recordings.md"
    for word in (*State, *Ending):
        assert f"`{word.value}`" in page
