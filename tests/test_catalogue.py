"""The catalogue keeps what it was told, also over a restart."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from server.catalogue import Catalogue, ClassRecord, RecordingRecord, Visibility
from server.rooms.kernel import ClassId


def class_record(name: str, created_at: int = 1) -> ClassRecord:
    return ClassRecord(ClassId(name), name.title(), True, created_at, 0, "l", "a", "g")


async def test_classes_are_kept_over_a_restart(tmp_path: Path) -> None:
    catalogue = await Catalogue.open(tmp_path / "catalogue.db")
    await catalogue.add_class(class_record("biology"))
    await catalogue.close()
    again = await Catalogue.open(tmp_path / "catalogue.db")
    assert await again.class_(ClassId("biology")) == class_record("biology")
    assert await again.class_(ClassId("chemistry")) is None
    await again.close()


async def test_nobody_else_on_the_machine_can_read_the_invitations(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    path.touch(mode=0o644)  # as earlier versions made it
    catalogue = await Catalogue.open(path)
    await catalogue.add_class(class_record("biology"))
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in os.scandir(tmp_path)}
    assert modes == dict.fromkeys(("catalogue.db", "catalogue.db-shm", "catalogue.db-wal"), "0o600")
    await catalogue.close()


async def test_open_classes_come_first_and_then_the_newest() -> None:
    catalogue = await Catalogue.open(None)
    for at, name in enumerate(("old", "ended", "new")):
        await catalogue.add_class(class_record(name, created_at=at))
    await catalogue.end_class(ClassId("ended"), 50)
    await catalogue.end_class(ClassId("ended"), 60)
    assert [(record.id, record.ended_at) for record in await catalogue.classes()] == [
        ("new", 0),
        ("old", 0),
        ("ended", 50),
    ]
    await catalogue.close()


async def test_a_recording_nobody_touched_is_open_by_link() -> None:
    catalogue = await Catalogue.open(None)
    assert await catalogue.recording("r") == RecordingRecord("r", Visibility.LINK)
    await catalogue.change_recording("r", visibility=Visibility.PRIVATE, title="Cells")
    assert await catalogue.recording("r") == RecordingRecord("r", Visibility.PRIVATE, "Cells")
    await catalogue.forget_recording("r")
    assert await catalogue.recording("r") == RecordingRecord("r")
    await catalogue.close()


async def test_a_new_title_does_not_undo_that_a_recording_was_made_private_meanwhile() -> None:
    catalogue = await Catalogue.open(None)
    await asyncio.gather(
        catalogue.change_recording("r", title="Cells"),
        catalogue.change_recording("r", visibility=Visibility.PRIVATE),
        catalogue.change_recording("r", title="Cells and tissue"),
    )
    assert await catalogue.recording("r") == RecordingRecord("r", Visibility.PRIVATE, "Cells and tissue")
    await catalogue.close()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ValueError, match="version 99"):
        await Catalogue.open(path)
