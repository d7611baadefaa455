"""The REST interface to recordings: what the player reads, and what an instructor may change."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from recordings.manifest import Manifest, State, Stretch, Track, Trouble
from recordings.timeline import Timeline
from recordings.track import Index
from server.catalogue import Visibility
from server.http import classes, errors, library
from server.http.endpoint import Call
from server.http.library import Found

TIMELINE = Timeline
INDEX = Index
WEBM = "video/webm"


class RecordingSummary(Struct, frozen=True):
    """`started_at` is Unix milliseconds; `duration_ms` leaves pauses out."""

    id: str
    class_id: str
    title: str
    state: State
    visibility: Visibility
    started_at: int
    duration_ms: int
    url: str
    """Where it is watched (path)."""


class RecordingDetail(Struct, frozen=True):
    """A recording and its tracks. Tracks run on the recording's own clock, which starts at 0 and skips pauses."""

    id: str
    class_id: str
    title: str
    state: State
    visibility: Visibility
    started_at: int
    duration_ms: int
    url: str
    stretches: tuple[Stretch, ...]
    """Which parts of the class were recorded, as instants of the class."""
    tracks: tuple[Track, ...]
    trouble: tuple[Trouble, ...]
    """What could not be recorded as it should have been."""


class RecordingList(Struct, frozen=True):
    recordings: tuple[RecordingSummary, ...]


class RecordingChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays as it is. An empty title gives back the class's."""

    title: Annotated[str, Meta(max_length=library.TITLE_LENGTH)] | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET


def summary(found: Found) -> RecordingSummary:
    manifest = found.manifest
    return RecordingSummary(
        manifest.id,
        manifest.class_id,
        found.title,
        manifest.state,
        found.record.visibility,
        manifest.started_at,
        manifest.duration_ms,
        f"/recordings/{manifest.id}",
    )


async def listing(call: Call) -> RecordingList:
    return RecordingList(tuple(summary(found) for found in await library.everything(call.services)))


async def show(call: Call) -> RecordingDetail:
    found = await _open(call)
    short = summary(found)
    return RecordingDetail(
        short.id,
        short.class_id,
        short.title,
        short.state,
        short.visibility,
        short.started_at,
        short.duration_ms,
        short.url,
        found.manifest.stretches,
        found.manifest.tracks,
        found.manifest.trouble,
    )


async def change(call: Call) -> RecordingSummary:
    body: RecordingChange = call.body
    title = None if body.title is UNSET else classes.title_or_empty(body.title)
    visibility = None if body.visibility is UNSET else body.visibility
    return summary(await library.change(call.services, call.part("recording_id"), visibility=visibility, title=title))


async def delete(call: Call) -> None:
    await library.delete(call.services, call.part("recording_id"))


async def timeline(call: Call) -> web.Response:
    found = await _open(call)
    encoded = await call.services.shelf.timeline_json(found.id)
    return web.Response(body=encoded, content_type="application/json", charset="utf-8")


async def track(call: Call) -> web.StreamResponse:
    """Ranges are answered by aiohttp; while the recording runs, only what the index names is whole."""
    found = await _open(call)
    try:
        path = await call.services.shelf.track(found.id, _number(call))
    except KeyError:
        raise errors.not_found("This track") from None
    headers = {"Content-Type": WEBM, "Cache-Control": _kept(found.manifest)}
    return web.FileResponse(path, headers=headers)


async def index(call: Call) -> Index:
    found = await _open(call)
    try:
        return await call.services.shelf.index(found.id, _number(call))
    except KeyError:
        raise errors.not_found("This track") from None


def _kept(manifest: Manifest) -> str:
    """A published track never changes, but it may be made private: not for long, and by nobody in between."""
    return "private, max-age=3600" if manifest.state is State.PUBLISHED else "no-store"


def _number(call: Call) -> int:
    return int(call.part("n"))


async def _open(call: Call) -> Found:
    return await library.open_to(call.services, call.visitor, call.part("recording_id"))
