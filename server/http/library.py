"""Recordings as the pages and the REST interface see them: what is on the shelf, and who may open it.

The shelf says what there is, the catalogue what was decided about it (title, visibility). A private recording is open
to instructors; one with the visibility "link" to whoever knows its id, which nobody can guess.
"""

from __future__ import annotations

from msgspec import Struct

from recordings.manifest import Manifest, State
from server.catalogue import RecordingRecord, Visibility
from server.http import errors, pages
from server.http.auth import Visitor
from server.http.errors import Problem
from server.http.services import Services
from server.rooms.kernel import ClassId

TITLE_LENGTH = 200


class Found(Struct, frozen=True):
    """A recording with what was decided about it."""

    manifest: Manifest
    record: RecordingRecord

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def title(self) -> str:
        return self.record.title or self.manifest.title


async def everything(services: Services) -> list[Found]:
    """Newest first."""
    decided = await services.catalogue.recordings()
    return [
        Found(manifest, decided.get(manifest.id, RecordingRecord(manifest.id)))
        for manifest in await services.shelf.recordings()
    ]


async def find(services: Services, recording_id: str) -> Found:
    """Raises Problem 404."""
    try:
        manifest = await services.shelf.manifest(recording_id)
    except KeyError:
        raise errors.not_found("This recording") from None
    return Found(manifest, await services.catalogue.recording(recording_id))


async def open_to(services: Services, visitor: Visitor, recording_id: str) -> Found:
    """The recording, if this visitor may see it. Raises Problem 404 or 403."""
    found = await find(services, recording_id)
    if found.record.visibility is Visibility.PRIVATE and not visitor.hosts:
        raise errors.forbidden("recording.private", "This recording is private. Ask the instructor to share it.")
    return found


async def change(
    services: Services, recording_id: str, *, visibility: Visibility | None = None, title: str | None = None
) -> Found:
    found = await find(services, recording_id)
    record = await services.catalogue.change_recording(recording_id, visibility=visibility, title=title)
    return Found(found.manifest, record)


async def delete(services: Services, recording_id: str) -> None:
    """For ever. Raises Problem 404, or 409 while it is being written."""
    found = await find(services, recording_id)
    try:
        await services.shelf.remove(recording_id)
    except KeyError:
        raise errors.not_found("This recording") from None
    except ValueError:
        if found.manifest.state is State.PUBLISHED:
            raise Problem(409, "recording.finishing", "This recording is being finished. Try again shortly.") from None
        raise Problem(409, "recording.running", "This recording is still being made. End the class first.") from None
    await services.catalogue.forget_recording(recording_id)


async def cards(services: Services, class_id: ClassId | None = None) -> list[pages.RecordingCard]:
    """For the pages, newest first; of one class, or of all."""
    return [
        pages.RecordingCard(
            id=found.id,
            title=found.title,
            url=f"/recordings/{found.id}",
            state=found.manifest.state.value,
            visibility=found.record.visibility.value,
            started_at=found.manifest.started_at,
            duration_ms=found.manifest.duration_ms,
        )
        for found in await everything(services)
        if class_id is None or found.manifest.class_id == class_id
    ]
