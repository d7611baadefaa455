"""The pages as a person without scripts gets them: forms, sign-in, headers, errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from server.app import Running
from server.http import pages
from server.http.assets import Manifest
from server.http.identity import unix_s
from tests.http.browser import Browser, boot
from tests.http.conftest import OpenBrowser

Class = dict[str, Any]


async def test_a_stranger_is_told_what_this_is_and_sees_no_class(stranger: Browser, biology: Class) -> None:
    home = await stranger.page("/")
    assert "/enter" in home
    assert "Biology" not in home


async def test_the_instructor_link_signs_in_and_disappears_from_the_address(
    stranger: Browser, server: Running, biology: Class
) -> None:
    async with stranger.http.get(server.instructor_link) as response:
        assert response.status == 200
        assert str(response.url) == server.url + "/"
        assert "Biology 101" in await response.text()


async def test_the_link_or_its_key_may_be_pasted(open_browser: OpenBrowser, server: Running) -> None:
    for pasted in (server.instructor_link, f" {server.services.keys.instructor} "):
        browser = await open_browser()
        assert (await browser.form("/enter", "/enter", key=pasted)).status == 303
        assert "Classes" in await browser.page("/")


async def test_wrong_keys_are_slowed_down_and_lock_nobody_out(stranger: Browser, server: Running) -> None:
    for _ in range(5):
        async with stranger.http.get("/enter?key=wrong") as response:
            assert response.status == 403
    async with stranger.http.get("/enter?key=wrong") as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 0
    await stranger.sign_in()


async def test_signing_in_again_stays_the_same_person(teacher: Browser, biology: Class) -> None:
    _, before = await teacher.enter(biology["id"], "Dr. Rivera")
    await teacher.sign_in()
    _, after = await teacher.enter(biology["id"], "Dr. Rivera")
    assert after["participant"] == before["participant"]


async def test_a_cookie_planted_before_signing_in_does_not_share_what_it_opens(
    stranger: Browser, server: Running, biology: Class
) -> None:
    await stranger.page("/")
    name = server.services.cookies.name
    planted = next(cookie.value for cookie in stranger.http.cookie_jar if cookie.key == name)
    await stranger.sign_in()
    after = next(cookie.value for cookie in stranger.http.cookie_jar if cookie.key == name)
    read = server.services.cookies.read
    now = unix_s()
    assert read(planted, now).person
    assert read(planted, now).person != read(after, now).person
    assert not read(planted, now).instructor


async def test_signing_out_takes_a_form(teacher: Browser, biology: Class) -> None:
    assert "sign-out" in await teacher.page("/sign-out")
    assert "Biology 101" in await teacher.page("/")
    assert (await teacher.form("/sign-out", "/sign-out")).status == 200
    assert "Biology 101" not in await teacher.page("/")


async def test_a_class_is_created_by_form_and_ended_by_form(teacher: Browser) -> None:
    created = await teacher.form("/", "/classes", title="Biology 101", record="on", then="later")
    path = created.headers["Location"]
    assert created.status == 303
    shown = unescape(await teacher.page(path))
    for role in ("learner", "assistant", "guest"):
        assert re.search(rf"{teacher.server.url}/join/\w{{12}}/\w{{16}}", shown), role
    assert (await teacher.form(path, f"{path}/end")).headers["Location"] == path
    assert (await teacher.ok("GET", "/api/classes"))["classes"][0]["phase"] == "ended"


async def test_start_leads_into_the_class_room(teacher: Browser) -> None:
    created = await teacher.form("/", "/classes", title="Biology 101", then="enter")
    assert re.fullmatch(r"/join/\w{12}", created.headers["Location"])


async def test_a_form_of_another_person_or_another_site_is_refused(
    teacher: Browser, open_browser: OpenBrowser, biology: Class
) -> None:
    other = await open_browser()
    foreign = re.search(r'name="csrf" value="([^"]*)"', await other.page("/enter"))
    assert foreign
    for csrf in ("", foreign[1]):
        async with teacher.http.post("/classes", data={"csrf": csrf, "title": "x"}, allow_redirects=False) as response:
            assert response.status == 403
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        async with teacher.http.post("/classes", data={"title": "x"}, headers=headers) as response:
            assert response.status == 403
    assert len((await teacher.ok("GET", "/api/classes"))["classes"]) == 1


async def test_no_page_changes_anything_when_it_is_only_looked_at(teacher: Browser, biology: Class) -> None:
    for path in ("/sign-out", f"/classes/{biology['id']}/end", f"/join/{biology['id']}", "/classes"):
        async with teacher.http.get(path) as response:
            await response.read()
    assert (await teacher.ok("GET", f"/api/classes/{biology['id']}"))["phase"] == "open"


async def test_the_room_is_told_what_it_needs(stranger: Browser, teacher: Browser, biology: Class) -> None:
    code = biology["codes"]["learner"]
    told = boot(await stranger.page(f"/join/{biology['id']}/{code}"))
    assert told == {
        "classId": biology["id"],
        "title": "Biology 101",
        "phase": "open",
        "role": "learner",
        "suggestedName": "",
        "needsName": True,
        "recorded": False,
        "code": code,
        "recordingUrl": None,
        "inside": [],
    }
    assert boot(await stranger.page(f"/join/{biology['id']}"))["role"] is None
    assert boot(await stranger.page(f"/join/{biology['id']}/{'0' * 16}"))["role"] is None
    assert boot(await teacher.page(f"/join/{biology['id']}"))["role"] == "instructor"


@pytest.mark.parametrize("spoil", [str.upper, lambda code: code[:9], lambda code: code + ").", lambda code: code + "/"])
async def test_half_a_link_says_what_it_is_and_costs_no_attempt(
    spoil: Callable[[str], str], stranger: Browser, biology: Class
) -> None:
    code = biology["codes"]["learner"]
    for _ in range(30):
        told = boot(await stranger.page(f"/join/{biology['id']}/{spoil(code)}"))
        assert (told["title"], told["role"], told["inside"]) == ("Biology 101", None, [])
    assert boot(await stranger.page(f"/join/{biology['id']}/{code}"))["role"] == "learner"


async def test_who_has_been_removed_is_not_told_at_the_door_who_is_inside(
    stranger: Browser, teacher: Browser, biology: Class
) -> None:
    door = f"/join/{biology['id']}/{biology['codes']['learner']}"
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    _, welcome = await stranger.enter(biology["id"], "Eve", biology["codes"]["guest"])
    assert boot(await stranger.page(door))["inside"] == ["Dr. Rivera", "Eve"]
    await teaching.command("roster.remove", participant=welcome["participant"])
    assert boot(await stranger.page(door))["inside"] == []


async def test_a_name_once_given_is_suggested_again(stranger: Browser, biology: Class) -> None:
    code = biology["codes"]["learner"]
    await stranger.token(biology["id"], "Ana", code)
    told = boot(await stranger.page(f"/join/{biology['id']}/{code}"))
    assert (told["suggestedName"], told["needsName"]) == ("Ana", False)


async def test_a_title_cannot_break_out_of_the_page(teacher: Browser) -> None:
    title = "</script><script>alert(1)</script><b onmouseover=x>"
    created = await teacher.ok("POST", "/api/classes", {"title": title})
    html = await teacher.page(f"/join/{created['id']}")
    assert "<script>alert" not in html
    assert boot(html)["title"] == title
    assert "<b onmouseover" not in await teacher.page("/")


async def test_an_error_is_a_page_in_words(stranger: Browser, teacher: Browser) -> None:
    for browser, path, status in (
        (stranger, "/no-such-page", 404),
        (stranger, "/classes/000000000000", 401),
        (teacher, "/classes/000000000000", 404),
        (stranger, "/recordings", 401),
        (stranger, "/recordings/" + "0" * 32, 404),
        (stranger, "/join/000000000000", 404),
    ):
        async with browser.http.get(path) as response:
            assert response.status == status
            assert response.content_type == "text/html"


async def test_a_failure_of_ours_shows_no_trace(
    teacher: Browser, server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="server.http.middleware")
    await server.services.catalogue.close()
    async with teacher.http.get("/") as response:
        assert response.status == 500
        assert "Traceback" not in await response.text()
    assert await teacher.error("GET", "/api/classes") == (500, "server")


async def test_before_the_build_a_page_says_what_to_run(stranger: Browser, server: Running, tmp_path: Path) -> None:
    server.services.manifest = Manifest(tmp_path / "nothing")
    async with stranger.http.get("/") as response:
        assert response.status == 503
        assert "make build" in await response.text()


@pytest.mark.parametrize("path", ["/", "/api/openapi.json", "/no-such", "/static/dist/assets/main-1a2b.js", "/healthz"])
async def test_every_answer_is_hardened(stranger: Browser, path: str) -> None:
    async with stranger.http.get(path) as response:
        headers = response.headers
        policy = headers["Content-Security-Policy"]
        html = await response.text()
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=(self)" in headers["Permissions-Policy"]
    for directive in (
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "'strict-dynamic'",
        "require-trusted-types-for 'script'",
    ):
        assert directive in policy
    assert "unsafe" not in policy
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    assert set(re.findall(r'nonce="([^"]*)"', html)) <= {nonce[1]}


async def test_every_script_of_a_page_carries_the_nonce_and_no_two_pages_share_one(
    stranger: Browser, biology: Class
) -> None:
    path = f"/join/{biology['id']}/{biology['codes']['learner']}"
    first, second = await stranger.page(path), await stranger.page(path)
    assert all('nonce="' in tag for tag in re.findall(r"<script[^>]*>", first))
    assert "<style" not in first
    assert not re.search(r"\son\w+=", first)
    assert re.findall(r'nonce="([^"]+)"', first)[0] != re.findall(r'nonce="([^"]+)"', second)[0]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: Browser, server: Running) -> None:
    async with stranger.http.get("/") as response:
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie  # plain http on this machine; with TLS it is


async def test_built_files_are_kept_by_browsers(stranger: Browser) -> None:
    async with stranger.http.get("/static/dist/assets/main-1a2b.js") as response:
        assert "immutable" in response.headers["Cache-Control"]
    async with stranger.http.get("/") as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_nothing_private_is_logged(
    teacher: Browser, stranger: Browser, server: Running, biology: Class, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = biology["codes"]["learner"]
    await stranger.http.get(server.instructor_link)
    await stranger.page(f"/join/{biology['id']}/{code}")
    line, _ = await stranger.enter(biology["id"], "Ana Unmistakable", code)
    await line.command("chat.send", text="a very private remark")
    token = await stranger.token(biology["id"], "Ana Unmistakable", code)
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("asyncio"))
    assert "/join/{class_id}/{code}" in logged
    for secret in (server.services.keys.instructor, code, "Unmistakable", "private remark", token, "127.0.0.1"):
        assert secret not in logged


def test_every_page_has_its_template() -> None:
    env = pages.environment()
    for page in pages.PAGES:
        env.get_template(page.template)
    assert env.autoescape
    for template in pages.TEMPLATES.glob("*.html"):
        assert "|safe" not in template.read_text().replace(" ", ""), template.name


@pytest.mark.parametrize(
    ("length_ms", "words"), [(0, "0:00"), (7_999, "0:07"), (761_000, "12:41"), (3_727_000, "1:02:07"), (-5, "0:00")]
)
def test_lengths_read_as_people_say_them(length_ms: int, words: str) -> None:
    assert pages.clock(length_ms) == words


def test_instants_read_as_people_say_them() -> None:
    assert pages.moment(1_795_292_880_000) == "21 Nov 2026, 20:28 UTC"
    assert pages.iso(1_795_292_880_000) == "2026-11-21T20:28:00Z"
