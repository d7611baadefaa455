"""What the installation knows about classes and recordings from outside: titles, invitations, who may see.

SQLite through SQLAlchemy Core, on one thread of its own so that the disk never stops the event loop. What happened
*inside* a class is not here (its log is the truth), nor what a recording is made of (its manifest is).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import OperationalError

from server.rooms.kernel import ClassId

T = TypeVar("T")
SCHEMA_VERSION = 1

_metadata = MetaData()
_classes = Table(
    "classes",
    _metadata,
    Column("id", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("records", Boolean, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("ended_at", Integer, nullable=False),
    Column("learner_code", String, nullable=False),
    Column("assistant_code", String, nullable=False),
    Column("guest_code", String, nullable=False),
)
_recordings = Table(
    "recordings",
    _metadata,
    Column("id", String, primary_key=True),
    Column("visibility", String, nullable=False),
    Column("title", String, nullable=False),
)


class Visibility(Enum):
    """Who may open a recording."""

    LINK = "link"
    """Anyone who has the link; the id in it has 128 random bits."""
    PRIVATE = "private"
    """Instructors."""


class ClassRecord(Struct, frozen=True):
    """A class from outside. Instants are Unix milliseconds; `ended_at` 0 says: open."""

    id: ClassId
    title: str
    records: bool
    created_at: int
    ended_at: int
    learner_code: str
    assistant_code: str
    guest_code: str


class RecordingRecord(Struct, frozen=True):
    """What was decided about a recording after class. `title` "" says: as its manifest has it."""

    id: str
    visibility: Visibility = Visibility.LINK
    title: str = ""


class CatalogueUnavailable(Exception):
    """The file cannot be read or written now: a full disk, most often. Nothing has changed."""


class Catalogue:
    """The catalogue in one SQLite file (`None`: in memory, for tests). Every call may raise CatalogueUnavailable."""

    def __init__(self, path: Path | None) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalogue")
        self._path = path
        self._engine: Engine | None = None

    @classmethod
    async def open(cls, path: Path | None) -> Catalogue:
        """Raises ValueError when a newer version has written the file."""
        catalogue = cls(path)
        await asyncio.get_running_loop().run_in_executor(catalogue._thread, catalogue._create)
        return catalogue

    async def close(self) -> None:
        """Idempotent."""
        if self._engine is None:
            return
        await asyncio.get_running_loop().run_in_executor(self._thread, self._dispose)
        self._thread.shutdown()

    async def add_class(self, record: ClassRecord) -> None:
        values = {name: getattr(record, name) for name in record.__struct_fields__}
        await self._run(lambda db: db.execute(insert(_classes).values(values)))

    async def remove_class(self, class_id: ClassId) -> None:
        """Takes back `add_class`, for a class that could not be opened."""
        await self._run(lambda db: db.execute(delete(_classes).where(_classes.c.id == class_id)))

    async def end_class(self, class_id: ClassId, at: int) -> None:
        """Idempotent: the first instant stays."""
        changed = update(_classes).where(_classes.c.id == class_id, _classes.c.ended_at == 0).values(ended_at=at)
        await self._run(lambda db: db.execute(changed))

    async def class_(self, class_id: ClassId) -> ClassRecord | None:
        chosen = select(_classes).where(_classes.c.id == class_id)
        row = await self._run(lambda db: db.execute(chosen).first())
        return _class_record(row) if row else None

    async def classes(self) -> list[ClassRecord]:
        """Open ones first, newest first."""
        chosen = select(_classes).order_by(_classes.c.ended_at > 0, _classes.c.created_at.desc(), _classes.c.id)
        return [_class_record(row) for row in await self._run(lambda db: db.execute(chosen).all())]

    async def recording(self, recording_id: str) -> RecordingRecord:
        """What was decided; the default for one nobody has touched."""
        return await self._run(lambda db: _recording_record(db, recording_id))

    async def recordings(self) -> dict[str, RecordingRecord]:
        """All recordings about which anything was decided."""
        rows = await self._run(lambda db: db.execute(select(_recordings)).all())
        return {row.id: RecordingRecord(row.id, Visibility(row.visibility), row.title) for row in rows}

    async def change_recording(
        self, recording_id: str, *, visibility: Visibility | None = None, title: str | None = None
    ) -> RecordingRecord:
        """What is None stays as it is, also when others change it meanwhile: a new title makes nothing public."""

        def change(db: Connection) -> RecordingRecord:
            before = _recording_record(db, recording_id)
            after = RecordingRecord(
                recording_id,
                before.visibility if visibility is None else visibility,
                before.title if title is None else title,
            )
            db.execute(delete(_recordings).where(_recordings.c.id == recording_id))
            values = {"id": after.id, "visibility": after.visibility.value, "title": after.title}
            db.execute(insert(_recordings).values(values))
            return after

        return await self._run(change)

    async def forget_recording(self, recording_id: str) -> None:
        await self._run(lambda db: db.execute(delete(_recordings).where(_recordings.c.id == recording_id)))

    async def _run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        if self._engine is None:
            raise RuntimeError("the catalogue is closed")
        try:
            with self._engine.begin() as db:
                return work(db)
        except OperationalError as error:
            raise CatalogueUnavailable(str(error.orig)) from error

    def _create(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # invitations are in it; SQLite gives its other files the same mode
            self._path.chmod(0o600)
        engine = create_engine(f"sqlite:///{self._path}" if self._path else "sqlite://")
        event.listen(engine, "connect", _durable)
        with engine.begin() as db:
            version = db.execute(text("PRAGMA user_version")).scalar_one()
            if version > SCHEMA_VERSION:
                raise ValueError(f"the catalogue is of version {version}; this server knows {SCHEMA_VERSION}")
            _metadata.create_all(db)
            db.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
        self._engine = engine

    def _dispose(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def _durable(connection: object, _record: object) -> None:
    """Write-ahead log with a sync at every commit: what was answered "created" survives a power cut."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _recording_record(db: Connection, recording_id: str) -> RecordingRecord:
    row = db.execute(select(_recordings).where(_recordings.c.id == recording_id)).first()
    return RecordingRecord(row.id, Visibility(row.visibility), row.title) if row else RecordingRecord(recording_id)


def _class_record(row: Row[tuple[object, ...]]) -> ClassRecord:
    values = row._mapping
    return ClassRecord(**{name: values[name] for name in ClassRecord.__struct_fields__})
