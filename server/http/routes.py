"""Every address of the server, in three tables: the REST interface, the pages, the files. Nothing else is reachable."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from server.http import answers, classes_api, health, openapi, recordings_api, site, socket
from server.http.assets import URL
from server.http.endpoint import Access, Call, Endpoint, pattern, route
from server.http.middleware import MIDDLEWARES, harden
from server.http.services import SERVICES, Services

MAX_BODY = 64 * 1024
BINARY = "application/octet-stream"
WEBM = "video/webm"


async def describe(call: Call) -> web.Response:
    """This document."""
    return answers.json(openapi.document(ENDPOINTS, _version()))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/api/classes", classes_api.listing, "List classes", Access.HOSTS, gives=classes_api.ClassList),
    Endpoint(
        "POST",
        "/api/classes",
        classes_api.create,
        "Create a class and open it",
        Access.HOSTS,
        takes=classes_api.NewClass,
        gives=classes_api.ClassDetail,
        status=201,
    ),
    Endpoint(
        "GET",
        "/api/classes/{class_id}",
        classes_api.show,
        "One class, with its invitations",
        Access.HOSTS,
        gives=classes_api.ClassDetail,
    ),
    Endpoint(
        "POST",
        "/api/classes/{class_id}/end",
        classes_api.end,
        "End a class for everyone; ending it again changes nothing",
        Access.HOSTS,
        gives=classes_api.ClassDetail,
    ),
    Endpoint(
        "POST",
        "/api/classes/{class_id}/join",
        classes_api.join,
        "Get a token that opens the live connection once",
        Access.ANYONE,
        takes=classes_api.Join,
        gives=classes_api.Joined,
    ),
    Endpoint(
        "GET",
        "/api/classes/{class_id}/live",
        socket.live,
        "The live connection: a WebSocket, see docs/protocol.md",
        Access.ANYONE,
        gives=BINARY,
        status=101,
    ),
    Endpoint(
        "GET",
        "/api/recordings",
        recordings_api.listing,
        "List recordings, newest first",
        Access.HOSTS,
        gives=recordings_api.RecordingList,
    ),
    Endpoint(
        "GET",
        "/api/recordings/{recording_id}",
        recordings_api.show,
        "A recording and its tracks",
        Access.ANYONE,
        gives=recordings_api.RecordingDetail,
    ),
    Endpoint(
        "PATCH",
        "/api/recordings/{recording_id}",
        recordings_api.change,
        "Rename a recording, or say who may see it",
        Access.HOSTS,
        takes=recordings_api.RecordingChange,
        gives=recordings_api.RecordingSummary,
    ),
    Endpoint(
        "DELETE", "/api/recordings/{recording_id}", recordings_api.delete, "Delete a recording for ever", Access.HOSTS
    ),
    Endpoint(
        "GET",
        "/api/recordings/{recording_id}/timeline",
        recordings_api.timeline,
        "What happened, on the recording's own clock",
        Access.ANYONE,
        gives=recordings_api.TIMELINE,
    ),
    Endpoint(
        "GET",
        "/api/recordings/{recording_id}/tracks/{n}.webm",
        recordings_api.track,
        "One track as WebM; takes Range",
        Access.ANYONE,
        gives=WEBM,
    ),
    Endpoint(
        "GET",
        "/api/recordings/{recording_id}/tracks/{n}/index",
        recordings_api.index,
        "Where the clusters of a track are",
        Access.ANYONE,
        gives=recordings_api.INDEX,
    ),
    Endpoint("GET", "/api/openapi.json", describe, "This document", Access.ANYONE, gives="application/json"),
    Endpoint("GET", "/healthz", health.healthz, "Is the server up?", Access.ANYONE, gives=health.Health),
    Endpoint("GET", "/metrics", health.metrics, "Prometheus metrics", Access.HOSTS, gives="text/plain"),
)

PAGES: tuple[tuple[str, str, site.Handler], ...] = (
    ("GET", "/", site.home),
    ("GET", "/enter", site.enter),
    ("POST", "/enter", site.enter_by_form),
    ("GET", "/sign-out", site.sign_out),
    ("POST", "/sign-out", site.sign_out_by_form),
    ("GET", "/help", site.help_page),
    ("POST", "/classes", site.for_hosts(site.create_class)),
    ("GET", "/classes/{class_id}", site.for_hosts(site.class_page)),
    ("POST", "/classes/{class_id}/end", site.for_hosts(site.end_class)),
    ("GET", "/join/{class_id}", site.room),
    ("GET", "/join/{class_id}/{code}", site.room),
    ("GET", "/join/{class_id}/{spoilt}", site.spoilt_link),
    ("GET", "/recordings", site.for_hosts(site.library_page)),
    ("GET", "/recordings/{recording_id}", site.player),
    ("POST", "/recordings/{recording_id}/delete", site.for_hosts(site.delete_recording)),
    ("POST", "/recordings/{recording_id}/visibility", site.for_hosts(site.show_recording_to)),
)


def application(services: Services) -> web.Application:
    """The whole edge on these services."""
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=MAX_BODY)
    app[SERVICES] = services
    app.on_response_prepare.append(harden)
    app.on_shutdown.append(socket.hang_up)
    app.router.add_routes(route(endpoint) for endpoint in ENDPOINTS)
    app.router.add_routes(web.route(method, pattern(path), handle) for method, path, handle in PAGES)
    app.router.add_get(URL + "{file:[A-Za-z0-9_./-]+}", static_file)
    app.router.add_get("/favicon.ico", favicon)
    return app


async def static_file(request: web.Request) -> web.StreamResponse:
    """What Vite built. Its hashed names never change their content, so browsers may keep them."""
    dist = request.app[SERVICES].manifest.dist
    path = (dist / request.match_info["file"]).resolve()
    hidden = any(part.startswith(".") for part in path.parts[len(dist.resolve().parts) :])
    if hidden or not path.is_relative_to(dist.resolve()) or not path.is_file():
        raise web.HTTPNotFound
    kept = "public, max-age=31536000, immutable" if path.parent.name == "assets" else "public, max-age=3600"
    return web.FileResponse(path, headers={"Cache-Control": kept})


async def favicon(request: web.Request) -> web.Response:
    """Browsers ask for it on pages that are not HTML."""
    return web.Response(status=301, headers={"Location": f"{URL}favicon.svg"})


def _version() -> str:
    try:
        return version("bichron")
    except PackageNotFoundError:
        return "0"
