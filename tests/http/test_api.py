"""The REST interface: classes, joining, recordings, and one shape for every error."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from server.app import Running
from server.catalogue import RecordingRecord, Visibility
from server.http import routes
from server.http.endpoint import PATTERNS
from server.live.ports import PeerId
from server.media.tap import Frame
from tests.http.browser import Browser, boot
from tests.http.conftest import OpenBrowser
from tests.http.fakes import QuietPlane

Class = dict[str, Any]
OPUS_SILENCE = b"\xf8\xff\xfe"
"""20 ms (RFC 6716)."""


async def test_a_class_is_created_found_and_ended(teacher: Browser) -> None:
    created = await teacher.ok("POST", "/api/classes", {"title": "  Biology   101 ", "record": True})
    assert created["title"] == "Biology 101"
    assert created["phase"] == "open"
    assert sorted(created["links"]) == ["assistant", "guest", "learner"]
    assert await teacher.ok("GET", f"/api/classes/{created['id']}") == created
    assert await teacher.ok("GET", "/api/classes") == {"classes": [created]}
    ended = await teacher.ok("POST", f"/api/classes/{created['id']}/end")
    assert ended["phase"] == "ended"
    assert ended["ended_at"] > 0
    assert await teacher.ok("POST", f"/api/classes/{created['id']}/end") == ended


async def test_an_ended_class_takes_nobody_in(teacher: Browser, stranger: Browser, biology: Class) -> None:
    await teacher.ok("POST", f"/api/classes/{biology['id']}/end")
    join = {"name": "Ana", "code": biology["codes"]["learner"]}
    assert await stranger.error("POST", f"/api/classes/{biology['id']}/join", join) == (410, "class.ended")


async def test_how_many_are_inside_is_counted(teacher: Browser, stranger: Browser, biology: Class) -> None:
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    assert (await teacher.ok("GET", f"/api/classes/{biology['id']}"))["people"] == 1
    await line.socket.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/classes", None),
        ("POST", "/api/classes", {"title": "Mine"}),
        ("GET", "/api/classes/{id}", None),
        ("POST", "/api/classes/{id}/end", None),
        ("GET", "/api/recordings", None),
        ("PATCH", "/api/recordings/" + "0" * 32, {"title": "Mine"}),
        ("DELETE", "/api/recordings/" + "0" * 32, None),
        ("GET", "/metrics", None),
    ],
)
async def test_a_stranger_manages_nothing(
    stranger: Browser, biology: Class, method: str, path: str, body: object
) -> None:
    assert await stranger.error(method, path.format(id=biology["id"]), body) == (401, "sign-in")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "body.invalid"),
        ({"title": ""}, "body.invalid"),
        ({"title": "  "}, "title.empty"),
        ({"title": "x" * 201}, "body.invalid"),
        ({"title": "a\nb"}, "title.control-characters"),
        ({"title": "a‮b"}, "title.control-characters"),
        ({"title": 7}, "body.invalid"),
        ({"title": "x", "owner": "eve"}, "body.invalid"),
        ([], "body.invalid"),
    ],
)
async def test_what_is_no_class_is_not_created(teacher: Browser, body: object, code: str) -> None:
    assert await teacher.error("POST", "/api/classes", body) == (400, code)
    assert await teacher.ok("GET", "/api/classes") == {"classes": []}


async def test_a_body_that_is_not_json_is_refused(teacher: Browser) -> None:
    async with teacher.http.post("/api/classes", data=b"{", headers={"Content-Type": "application/json"}) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (400, "body.not-json")
    async with teacher.http.post("/api/classes", data={"title": "x"}) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (415, "body.type")
    async with teacher.http.post("/api/classes", json={"title": "x" * 100_000}) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (413, "too-large")


async def test_unknown_addresses_and_methods_have_the_same_shape_of_error(teacher: Browser) -> None:
    assert await teacher.error("GET", "/api/no-such-thing") == (404, "not-found")
    assert await teacher.error("DELETE", "/api/classes") == (405, "method")
    assert await teacher.error("PUT", "/api/classes") == (405, "method")
    assert await teacher.error("GET", "/api/classes/000000000000") == (404, "not-found")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://localhost.evil"])
async def test_a_page_of_another_origin_changes_nothing(teacher: Browser, biology: Class, origin: str) -> None:
    for method, path in (
        ("POST", "/api/classes"),
        ("POST", f"/api/classes/{biology['id']}/end"),
        ("PATCH", "/api/recordings/" + "0" * 32),
        ("DELETE", "/api/recordings/" + "0" * 32),
    ):
        assert await teacher.error(method, path, {"title": "x"}, Origin=origin) == (403, "origin")


async def test_a_name_that_is_not_ours_is_not_answered(stranger: Browser) -> None:
    assert await stranger.error("GET", "/healthz", Host="rebound.example:80") == (421, "host")


async def test_a_service_uses_the_api_key_and_no_origin(open_browser: OpenBrowser, server: Running) -> None:
    service = await open_browser()
    bearer = {"Authorization": f"Bearer {server.services.keys.api}", "Origin": "https://lms.example"}
    _, created = await service.api("POST", "/api/classes", {"title": "From the LMS"}, **bearer)
    path = f"/api/classes/{created['id']}/join"
    status, joined = await service.api("POST", path, {"name": "Ana", "person": "u17", "role": "presenter"}, **bearer)
    _, again = await service.api("POST", path, {"name": "Ana", "person": "u17", "role": "presenter"}, **bearer)
    assert (status, joined["role"]) == (200, "presenter")
    assert joined["participant"] == again["participant"]
    assert await service.error("POST", path, {"name": "Ana"}, **bearer) == (400, "body.invalid")


async def test_a_wrong_api_key_is_not_replaced_by_a_cookie(teacher: Browser) -> None:
    for key in ("Bearer wrong", "Basic YTpi", "Bearer "):
        assert await teacher.error("GET", "/api/classes", Authorization=key) == (401, "api-key")


async def test_nobody_but_a_service_says_who_joins(teacher: Browser, biology: Class) -> None:
    for more in ({"person": "u17"}, {"role": "instructor"}):
        refusal = await teacher.error("POST", f"/api/classes/{biology['id']}/join", {"name": "Eve", **more})
        assert refusal == (403, "join.service-only")


async def test_without_an_invitation_nobody_joins(stranger: Browser, biology: Class) -> None:
    path = f"/api/classes/{biology['id']}/join"
    assert await stranger.error("POST", path, {"name": "Eve"}) == (403, "join.invitation")
    assert await stranger.error("POST", path, {"name": "Eve", "code": "0" * 16}) == (403, "join.code")


async def test_guessing_codes_is_slowed_down_for_strangers_only(
    open_browser: OpenBrowser, stranger: Browser, biology: Class
) -> None:
    path, right = f"/api/classes/{biology['id']}/join", biology["codes"]["learner"]
    inside = await open_browser()
    await inside.enter(biology["id"], "Ana", right)
    for _ in range(5):
        assert await stranger.error("POST", path, {"name": "Eve", "code": "0" * 16}) == (403, "join.code")
    assert await stranger.error("POST", path, {"name": "Eve", "code": right}) == (429, "too-many")
    await inside.enter(biology["id"], "Ana", right)


@pytest.mark.parametrize("name", ["", " ", "a\x00b", "x" * 101, "a\u202eb"])
async def test_names_that_disturb_are_refused(stranger: Browser, biology: Class, name: str) -> None:
    join = {"name": name, "code": biology["codes"]["learner"]}
    status, _ = await stranger.error("POST", f"/api/classes/{biology['id']}/join", join)
    assert status == 400


@pytest.fixture
async def recording(teacher: Browser, biology: Class, plane: QuietPlane, server: Running) -> dict[str, Any]:
    """A published recording of half a second of sound and one message."""
    line, welcome = await teacher.enter(biology["id"], "Dr. Rivera")
    await line.command("recording.start")
    await line.say({"type": "media.offer", "sdp": "v=0", "sources": {"0": "mic"}})
    await line.until("media.answer")
    await line.command("stage.publish", source="mic")
    await line.command("chat.send", text="Welcome")
    sink = plane.sinks[PeerId(f"{biology['id']}/{welcome['participant']}"), "mic"]
    now = server.services.clock.now()
    for n in range(25):
        sink.write(Frame(now + 20.0 * n, OPUS_SILENCE, keyframe=True))
    await line.command("class.end")
    async with asyncio.timeout(10):
        while True:
            listed = (await teacher.ok("GET", "/api/recordings"))["recordings"]
            if listed and listed[0]["state"] == "published":
                found: dict[str, Any] = listed[0]
                return found


async def test_a_recording_is_read_with_its_link(stranger: Browser, recording: dict[str, Any]) -> None:
    path = f"/api/recordings/{recording['id']}"
    detail = await stranger.ok("GET", path)
    assert detail["title"] == "Biology 101"
    assert [(track["kind"], track["source"]) for track in detail["tracks"]] == [("audio", "mic")]
    n = detail["tracks"][0]["n"]
    index = await stranger.ok("GET", f"{path}/tracks/{n}/index")
    start, end = index["init"]
    async with stranger.http.get(f"{path}/tracks/{n}.webm", headers={"Range": f"bytes={start}-{end - 1}"}) as response:
        assert response.status == 206
        assert response.content_type == "video/webm"
        assert (await response.read()).startswith(b"\x1a\x45\xdf\xa3")
    timeline = await stranger.ok("GET", f"{path}/timeline")
    texts = [
        event["text"] for entry in timeline["entries"] for event in entry["events"] if event["type"] == "chat.sent"
    ]
    assert texts == ["Welcome"]


async def test_a_private_recording_is_for_instructors(
    teacher: Browser, stranger: Browser, recording: dict[str, Any]
) -> None:
    path = f"/api/recordings/{recording['id']}"
    changed = await teacher.ok("PATCH", path, {"visibility": "private", "title": "Cells"})
    assert (changed["visibility"], changed["title"]) == ("private", "Cells")
    for part in ("", "/timeline", "/tracks/1.webm", "/tracks/1/index"):
        assert await stranger.error("GET", path + part) == (403, "recording.private")
    assert (await teacher.ok("GET", path))["title"] == "Cells"
    assert await teacher.error("PATCH", path, {"visibility": "everyone"}) == (400, "body.invalid")


async def test_no_recording_is_promised_to_whom_it_is_closed(
    teacher: Browser, stranger: Browser, biology: Class, recording: dict[str, Any]
) -> None:
    door = f"/join/{biology['id']}/{biology['codes']['learner']}"
    told = boot(await stranger.page(door))
    assert (told["recorded"], told["recordingUrl"]) == (True, f"/recordings/{recording['id']}")
    await teacher.ok("PATCH", f"/api/recordings/{recording['id']}", {"visibility": "private"})
    told = boot(await stranger.page(door))
    assert (told["recorded"], told["recordingUrl"]) == (False, None)
    assert boot(await teacher.page(door))["recorded"]


async def test_a_deleted_recording_is_gone(
    teacher: Browser, server: Running, recording: dict[str, Any], tmp_path: Path
) -> None:
    path = f"/api/recordings/{recording['id']}"
    await teacher.ok("PATCH", path, {"visibility": "private"})
    async with asyncio.timeout(5):
        while (answer := await teacher.api("DELETE", path))[0] == 409:
            assert answer[1]["error"]["code"] == "recording.finishing"
    assert answer == (204, None)
    assert await teacher.error("GET", path) == (404, "not-found")
    assert await teacher.error("DELETE", path) == (404, "not-found")
    assert not (tmp_path / "data" / "recordings" / recording["id"]).exists()
    assert (await server.services.catalogue.recording(recording["id"])) == RecordingRecord(
        recording["id"], Visibility.LINK
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api/recordings/..%2f..%2fkeys",
        "/api/recordings/%2e%2e",
        "/api/recordings/{id}/tracks/..%2fmanifest.json",
        "/api/recordings/{id}/tracks/%2e%2e%2f%2e%2e%2fkeys%2fapi.key.webm",
        "/api/recordings/{id}/tracks/1%00.webm",
        "/api/recordings/{id}/tracks/-1.webm",
        "/api/recordings/{id}/tracks/%d9%a1.webm",
        "/api/recordings/{id}/tracks/999999.webm",
        "/api/recordings/{id}/tracks/1e3/index",
        "/api/recordings/{upper}",
        "/static/dist/..%2f..%2fapp.py",
        "/static/dist/.vite/manifest.json",
        "/static/dist/assets/../../../http/keys.py",
        "/static/dist//etc/passwd",
    ],
)
async def test_no_path_leads_out(server: Running, recording: dict[str, Any], path: str) -> None:
    """By hand: a client would tidy such paths before it sends them."""
    port = int(server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    target = path.format(id=recording["id"], upper=recording["id"].upper() + "A")
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert re.match(rb"HTTP/1.1 (404|400) ", answer), answer[:200]


async def test_every_api_route_is_in_the_openapi_document(stranger: Browser, server: Running) -> None:
    document = await stranger.ok("GET", "/api/openapi.json")
    app = routes.application(server.services)
    served = {
        (route.resource.canonical, route.method.lower())
        for route in app.router.routes()
        if route.resource is not None
        and route.method != "HEAD"
        and re.match(r"/(api/|healthz|metrics)", route.resource.canonical)
    }
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert served == described


async def test_the_openapi_document_describes_bodies_answers_and_errors(stranger: Browser) -> None:
    document = await stranger.ok("GET", "/api/openapi.json")
    create = document["paths"]["/api/classes"]["post"]
    assert create["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewClass"}
    assert create["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/ClassDetail")
    assert create["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
    references = set(re.findall(r'"\$ref": ?"#/components/schemas/(\w+)"', re.sub(r"'", '"', str(document))))
    assert references <= set(document["components"]["schemas"])
    names = [op["operationId"] for methods in document["paths"].values() for op in methods.values()]
    assert len(set(names)) == len(names)


def test_every_variable_part_of_a_path_has_a_shape() -> None:
    paths = [endpoint.path for endpoint in routes.ENDPOINTS] + [path for _, path, _ in routes.PAGES]
    assert {name for path in paths for name in re.findall(r"{(\w+)}", path)} <= set(PATTERNS)


async def test_health_is_for_everyone_and_metrics_are_not(stranger: Browser, server: Running) -> None:
    assert await stranger.ok("GET", "/healthz") == {"status": "ok"}
    bearer = {"Authorization": f"Bearer {server.services.keys.api}"}
    async with stranger.http.get("/metrics", headers=bearer) as response:
        exposition = await response.text()
    assert "bichron_classes 0.0" in exposition
    assert 'bichron_media_total{what="datagrams"} 3.0' in exposition
    assert 'bichron_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in exposition


async def test_a_recording_of_a_running_class_is_watched_but_not_deleted(
    teacher: Browser, stranger: Browser, biology: Class
) -> None:
    line, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    await line.command("recording.start")
    async with asyncio.timeout(5):
        while not (listed := (await teacher.ok("GET", "/api/recordings"))["recordings"]):
            pass
    running = listed[0]
    assert running["state"] == "recording"
    path = f"/api/recordings/{running['id']}"
    assert await teacher.error("DELETE", path) == (409, "recording.running")
    assert (await stranger.ok("GET", f"{path}/timeline"))["view"]["title"] == "Biology 101"
