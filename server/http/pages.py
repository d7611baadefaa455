"""Every HTML page: which template it is, and exactly what the template is given.

One Struct per template; its fields are the template's variables (as attributes: `{{ recording.title }}`). Beside them
every template has the variables of `Frame`, spread at the top level, and three filters:

    {{ at | iso }}        Unix milliseconds -> "2026-11-21T20:28:00Z", for <time datetime>
    {{ at | moment }}     Unix milliseconds -> "21 Nov 2026, 20:28 UTC", to be read before any script runs
    {{ ms | clock }}      a length in milliseconds -> "12:41" or "1:02:07"

Autoescape is on and there is no `|safe`. Scripts and inline data carry `nonce="{{ nonce }}"`. Shells hand their data to
TypeScript like this (`tojson` escapes what could end the element):

    <script type="application/json" id="boot" nonce="{{ nonce }}">{{ boot | tojson }}</script>
    {% if assets.script %}<script type="module" src="{{ assets.script }}" nonce="{{ nonce }}"></script>{% endif %}

Every form posts with the hidden field `csrf`:  <input type="hidden" name="csrf" value="{{ csrf }}">
Which page a request gets is decided in routes; who may see it in auth. Neither is here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct

from server.http.assets import Assets

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"


class Frame(Struct, frozen=True):
    """What every template gets besides its own page."""

    nonce: str
    """For each <script>, <style> and <link rel="modulepreload">."""
    csrf: str
    """For each form's hidden field `csrf`."""
    instructor: bool
    """The reader came through the instructor link: show "Classes", "Recordings" and "Sign out"."""
    section: str
    """Which part of the site this is, to mark in the navigation: "classes", "recordings", "help" or ""."""
    assets: Assets
    """`assets.script` (URL or "" while the pages are not built), `assets.styles` and `assets.preloads` (URLs)."""


class Page(Struct, frozen=True):
    """One template and its variables."""

    template: ClassVar[str]
    entry: ClassVar[str] = "src/pages/main.ts"
    section: ClassVar[str] = ""


class Link(Struct, frozen=True):
    """An invitation to one class. `role` is "learner", "assistant" or "guest"; `url` is absolute, for copying."""

    role: str
    url: str


class RecordingCard(Struct, frozen=True):
    """A recording in a list. `state`: "recording" (the class still runs), "published" or "interrupted"."""

    id: str
    title: str
    url: str
    """/recordings/{id}"""
    state: str
    visibility: str
    """"link" (anyone who has the link) or "private" (instructors only)."""
    started_at: int
    """Unix milliseconds."""
    duration_ms: int


class ClassCard(Struct, frozen=True):
    """A class in a list. `phase`: "open" or "ended"."""

    id: str
    title: str
    url: str
    """/classes/{id}, the instructor's page of the class."""
    enter_url: str
    """/join/{id}, the class room."""
    phase: str
    created_at: int
    """Unix milliseconds."""
    people: int
    """How many are inside now."""


class HomePage(Page, frozen=True):
    """GET / . Without `instructor` both lists are empty: say what Bichron is and to ask for a link, link to /enter.

    Form: POST /classes, fields `csrf`, `title` (1..200), `record` (checkbox, present = record automatically).
    """

    template: ClassVar[str] = "home.html"
    section: ClassVar[str] = "classes"
    classes: tuple[ClassCard, ...]
    """Open ones first, newest first."""
    recordings: tuple[RecordingCard, ...]
    """The five newest."""


class ClassPage(Page, frozen=True):
    """GET /classes/{id}, instructors only: the links to give out, "Enter", "End class", and its recording.

    Form: POST /classes/{id}/end, field `csrf`; ask once, nobody gets back in.
    """

    template: ClassVar[str] = "class.html"
    section: ClassVar[str] = "classes"
    classroom: ClassCard
    links: tuple[Link, ...]
    records: bool
    """Records automatically from the moment an instructor is inside."""
    recordings: tuple[RecordingCard, ...]
    """Of this class, newest first; often one, none before it began."""


class LibraryPage(Page, frozen=True):
    """GET /recordings, instructors only, newest first.

    Forms, each with `csrf`: POST /recordings/{id}/delete ; POST /recordings/{id}/visibility field `visibility`.
    """

    template: ClassVar[str] = "library.html"
    section: ClassVar[str] = "recordings"
    recordings: tuple[RecordingCard, ...]


class RoomPage(Page, frozen=True):
    """GET /join/{class_id} and /join/{class_id}/{code}: the shell of the class room, which asks for name and devices.

    `boot` = {"classId", "title", "phase": "open"|"ended", "role": str|null (null: the link gives no way in),
    "suggestedName": str, "needsName": bool, "recorded": bool (of an ended class: there is a recording, and it is open
    to the reader), "code": str|null, "recordingUrl": str|null (of an ended class),
    "inside": [str, ...] (names, for whoever may come in)}. The room then does POST /api/classes/{id}/join and opens the
    WebSocket /api/classes/{id}/live.
    """

    template: ClassVar[str] = "room.html"
    entry: ClassVar[str] = "src/room/main.tsx"
    title: str
    boot: dict[str, object]


class PlayerPage(Page, frozen=True):
    """GET /recordings/{id}: the shell of the player. `boot` = {"recordingId", "title", "instructor": bool}."""

    template: ClassVar[str] = "player.html"
    entry: ClassVar[str] = "src/player/main.tsx"
    section: ClassVar[str] = "recordings"
    title: str
    boot: dict[str, object]


class ErrorPage(Page, frozen=True):
    """Any page that cannot be shown. Never show `status` as the explanation; it is for the title of the tab."""

    template: ClassVar[str] = "error.html"
    status: int
    title: str
    """What happened, e.g. "This page does not exist"."""
    explanation: str
    """What to do, one or two sentences."""
    action_url: str
    """The one button: where it leads..."""
    action: str
    """... and what it says."""


class EnterPage(Page, frozen=True):
    """GET /enter without a (valid) key: where the instructor link is found, and a field to paste its key into.

    Form: POST /enter, fields `csrf`, `key`.
    """

    template: ClassVar[str] = "enter.html"
    wrong: bool
    """A key was given and it was not the right one."""


class SignedOutPage(Page, frozen=True):
    """GET /sign-out: the question, as a form POST /sign-out with `csrf`; after it (`done`) the confirmation."""

    template: ClassVar[str] = "signed-out.html"
    done: bool


class HelpPage(Page, frozen=True):
    """GET /help: one static page with the anchors #devices #connection #joining #recording #keyboard."""

    template: ClassVar[str] = "help.html"
    section: ClassVar[str] = "help"


PAGES: tuple[type[Page], ...] = (
    HomePage,
    ClassPage,
    LibraryPage,
    RoomPage,
    PlayerPage,
    ErrorPage,
    EnterPage,
    SignedOutPage,
    HelpPage,
)


def iso(at: int) -> str:
    """Unix milliseconds as an ISO 8601 instant in UTC, to the second."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(at: int) -> str:
    """Unix milliseconds in words, in UTC; a script may replace it by the reader's own zone."""
    when = datetime.fromtimestamp(at / 1000, UTC)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def clock(length_ms: int) -> str:
    """A length as people say it: "0:07", "12:41", "1:02:07"."""
    minutes, seconds = divmod(max(0, length_ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def environment(templates: Path = TEMPLATES) -> Environment:
    """Jinja as these templates need it: escaping everywhere, and a missing variable is an error, not a blank."""
    env = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"iso": iso, "moment": moment, "clock": clock}
    return env


def render(env: Environment, frame: Frame, page: Page) -> str:
    """The page as HTML."""
    variables = msgspec.structs.asdict(frame) | msgspec.structs.asdict(page)
    return env.get_template(page.template).render(variables)
