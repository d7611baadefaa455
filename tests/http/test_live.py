"""The live connection: hello to goodbye, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
import msgpack
import pytest

from server.app import Running
from server.http.auth import Admission, JoinTokens
from server.http.frames import MAX_BYTES
from server.http.identity import unix_s
from server.http.wire import BAD_FRAMES_ALLOWED, CLOSE_CODES
from server.live.ports import PeerId, Want
from server.rooms.chat import SendMessage
from server.rooms.classroom import EndClass
from server.rooms.kernel import SYSTEM, ClassId, ParticipantId, Refused, Role
from tests.http.browser import Browser
from tests.http.conftest import OpenBrowser
from tests.http.fakes import QuietPlane

Class = dict[str, Any]


async def test_a_learner_is_welcomed_with_a_view_of_the_class(stranger: Browser, biology: Class) -> None:
    _, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    view = welcome["view"]
    assert welcome["role"] == "learner"
    assert welcome["seq"] == view["seq"]
    assert welcome["entries"] is None
    assert view["title"] == "Biology 101"
    assert view["roster"]["people"][welcome["participant"]]["name"] == "Ana"


@pytest.mark.parametrize("role", ["learner", "assistant", "guest"])
async def test_the_link_says_as_what_one_comes_in(stranger: Browser, biology: Class, role: str) -> None:
    _, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"][role])
    assert welcome["role"] == role


async def test_an_instructor_needs_no_code(teacher: Browser, biology: Class) -> None:
    _, welcome = await teacher.enter(biology["id"], "Dr. Rivera")
    assert welcome["role"] == "instructor"


async def test_an_instructor_may_try_the_learners_link_beside_his_own(teacher: Browser, biology: Class) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    _, welcome = await teacher.enter(biology["id"], "Me as a learner", biology["codes"]["learner"])
    assert welcome["role"] == "learner"
    assert (await teaching.until_event("participant.joined"))["participant"] == welcome["participant"]


async def test_a_command_is_acknowledged_and_everyone_is_told(
    teacher: Browser, stranger: Browser, biology: Class
) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    learning, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    answer = await learning.command("chat.send", text="Is this on?")
    told = await teaching.until(lambda frame: frame["type"] == "entry" and frame["seq"] == answer["seq"])
    assert answer["type"] == "ack"
    assert told["actor"] == welcome["participant"]
    assert told["events"][0]["text"] == "Is this on?"
    assert sorted(told) == ["actor", "at", "events", "now", "seq", "type"]


async def test_a_sender_hears_that_it_is_done_before_it_sees_it_done(stranger: Browser, biology: Class) -> None:
    """A page would else show a message as sent and as sending at once."""
    learning, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    for n in range(20):
        await learning.say({"type": "command", "counter": n + 1, "command": {"type": "chat.send", "text": f"Line {n}"}})
        first = await learning.until(lambda frame: frame["type"] in ("ack", "entry"))
        assert first["type"] == "ack"
        await learning.until("entry")


async def test_a_refusal_names_its_reason_and_changes_nothing(
    teacher: Browser, stranger: Browser, biology: Class
) -> None:
    learning, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    refused = await learning.command("class.end")
    assert refused == {"type": "refused", "counter": 1, "reason": "not-allowed"}
    assert (await teacher.ok("GET", f"/api/classes/{biology['id']}"))["phase"] == "open"


async def test_a_command_sent_twice_is_done_once(stranger: Browser, biology: Class) -> None:
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    first = await line.command("chat.send", counter=1, text="Hello")
    again = await line.command("chat.send", counter=1, text="Hello")
    assert again == first
    await line.socket.close()
    line, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    assert await line.command("chat.send", counter=1, text="Hello") == first
    assert [message["text"] for message in welcome["view"]["chat"]["messages"]] == ["Hello"]


async def test_a_client_cannot_mark_another_ones_commands_as_done(open_browser: OpenBrowser, biology: Class) -> None:
    ana, _ = await (await open_browser()).enter(biology["id"], "Ana", biology["codes"]["learner"], client="shared")
    bo, _ = await (await open_browser()).enter(biology["id"], "Bo", biology["codes"]["learner"], client="shared")
    first = await ana.command("chat.send", counter=5, text="from Ana")
    second = await bo.command("chat.send", counter=5, text="from Bo")
    assert second["seq"] > first["seq"]


async def test_who_comes_back_is_told_only_what_he_missed(teacher: Browser, stranger: Browser, biology: Class) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    learning, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    seen = welcome["seq"]
    await learning.socket.close()
    await teaching.until_event("participant.dropped")
    await teaching.command("chat.send", text="Where is Ana?")
    learning, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"], last_seq=seen)
    assert welcome["view"] is None
    assert welcome["entries"] == []
    assert welcome["seq"] == seen
    kinds = []
    while "participant.returned" not in kinds:
        entry = await learning.until("entry")
        assert entry["seq"] > seen
        kinds += [event["type"] for event in entry["events"]]
    assert kinds == ["participant.dropped", "chat.sent", "participant.returned"]


async def test_who_claims_to_have_seen_the_future_gets_a_fresh_view(stranger: Browser, biology: Class) -> None:
    _, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"], last_seq=10_000)
    assert welcome["view"] is not None


async def test_the_same_person_in_a_second_tab_takes_over(stranger: Browser, biology: Class) -> None:
    first, before = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    _, after = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    assert after["participant"] == before["participant"]
    assert (await first.until("bye"))["reason"] == "elsewhere"
    assert await first.close_code() == CLOSE_CODES["elsewhere"]


async def test_the_end_of_the_class_says_goodbye(teacher: Browser, stranger: Browser, biology: Class) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    learning, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    await teaching.say({"type": "command", "counter": 1, "command": {"type": "class.end"}})
    assert (await learning.until_event("class.ended"))["by"]
    assert (await learning.until("bye"))["reason"] == "ended"
    assert await learning.close_code() == CLOSE_CODES["ended"]


async def test_who_was_removed_does_not_come_back_by_any_link(
    teacher: Browser, stranger: Browser, biology: Class
) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    learning, welcome = await stranger.enter(biology["id"], "Eve", biology["codes"]["learner"])
    token = await stranger.token(biology["id"], "Eve", biology["codes"]["learner"])
    await teaching.command("roster.remove", participant=welcome["participant"])
    assert (await learning.until("bye"))["reason"] == "removed"
    for role in ("learner", "assistant", "guest"):
        join = {"name": "Eve", "code": biology["codes"][role]}
        refusal = await stranger.error("POST", f"/api/classes/{biology['id']}/join", join)
        assert refusal == (403, "join.removed")
    line = await stranger.connect(biology["id"])
    await line.say({"type": "hello", "token": token, "client": "c", "last_seq": None})
    assert (await line.hear()) == {"type": "error", "code": "roster.removed"}
    assert await line.close_code() == CLOSE_CODES["refused"]


async def test_a_token_from_before_a_demotion_does_not_undo_it(
    teacher: Browser, stranger: Browser, biology: Class
) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    _, welcome = await stranger.enter(biology["id"], "Eve", biology["codes"]["learner"])
    await teaching.command("roster.set-role", participant=welcome["participant"], role="instructor")
    hoarded = await stranger.token(biology["id"], "Eve", biology["codes"]["learner"])
    await teaching.command("roster.set-role", participant=welcome["participant"], role="learner")
    line = await stranger.connect(biology["id"])
    await line.say({"type": "hello", "token": hoarded, "client": "c", "last_seq": None})
    assert (await line.until("welcome"))["role"] == "learner"
    assert (await line.command("class.end"))["reason"] == "not-allowed"


async def test_a_promotion_outlives_a_reload(teacher: Browser, stranger: Browser, biology: Class) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    _, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    await teaching.command("roster.set-role", participant=welcome["participant"], role="presenter")
    _, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    assert welcome["role"] == "presenter"


async def test_a_class_that_failed_is_unavailable_and_can_be_put_away(
    server: Running, teacher: Browser, biology: Class, caplog: pytest.LogCaptureFixture
) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    token = await teacher.token(biology["id"], "Dr. Rivera")
    await break_down(server, biology["id"])
    assert (await teaching.until("bye"))["reason"] == "shutdown"
    assert await refused_hello(teacher, biology["id"], token) == ("class.unavailable", CLOSE_CODES["server"])
    join = {"name": "Dr. Rivera"}
    refusal = await teacher.error("POST", f"/api/classes/{biology['id']}/join", join)
    assert refusal == (503, "class.unavailable")
    ended = await teacher.ok("POST", f"/api/classes/{biology['id']}/end")
    assert ended["phase"] == "ended"
    assert "set aside" in caplog.text


async def break_down(server: Running, class_id: str) -> None:
    """Meet a mistake of ours: a command that no rule was written for."""
    host = await server.services.hosts.get(ClassId(class_id))
    with pytest.raises(Refused, match=r"class\.unavailable"):
        await host.submit(SYSTEM, EndClass(), client=[])  # type: ignore[arg-type]


async def test_who_says_hello_while_the_server_stops_is_not_told_that_the_class_is_over(
    server: Running, stranger: Browser, biology: Class
) -> None:
    token = await stranger.token(biology["id"], "Ana", biology["codes"]["learner"])
    line = await stranger.connect(biology["id"])
    await server.services.hosts.close()
    await line.say({"type": "hello", "token": token, "client": "c", "last_seq": None})
    assert await line.hear() == {"type": "error", "code": "class.unavailable"}
    assert await line.close_code() == CLOSE_CODES["server"]


async def test_pulses_reach_the_room_and_are_not_kept(teacher: Browser, stranger: Browser, biology: Class) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    learning, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    await learning.say({"type": "pulse", "pulse": {"type": "reaction", "name": "clap"}})
    told = await teaching.until("pulse")
    assert told == {
        "type": "pulse",
        "participant": welcome["participant"],
        "pulse": {"type": "reaction", "name": "clap"},
    }


async def test_an_offer_is_answered_and_slots_follow(stranger: Browser, biology: Class, plane: QuietPlane) -> None:
    line, welcome = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    await line.say({"type": "media.offer", "sdp": "v=0 offer", "sources": {"0": "mic"}})
    frames = [await line.until("media.answer"), await line.until("media.slots")]
    assert frames[0] == {"type": "media.answer", "sdp": "v=0 answer", "slots": {"2": "video"}}
    assert frames[1]["slots"] == [{"mid": "2", "participant": "", "source": "", "shown": "live"}]
    assert plane.offers == [(f"{biology['id']}/{welcome['participant']}", "v=0 offer")]


async def test_an_unusable_offer_costs_nothing_but_an_error(stranger: Browser, biology: Class) -> None:
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    await line.say({"type": "media.offer", "sdp": "nonsense", "sources": {}})
    assert await line.until("error") == {"type": "error", "code": "media.offer-unusable"}
    await line.ping()


async def test_offers_are_limited(stranger: Browser, biology: Class, plane: QuietPlane) -> None:
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    for _ in range(8):
        await line.say({"type": "media.offer", "sdp": "v=0", "sources": {}})
    assert (await line.until("error"))["code"] == "media.too-many-offers"
    assert len(plane.offers) == 5


async def test_of_many_wishes_the_last_one_is_granted(stranger: Browser, biology: Class, plane: QuietPlane) -> None:
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    for n in range(60):
        wanted = [{"participant": f"p{n}", "source": "camera", "quality": "high"}]
        await line.say({"type": "media.watch", "wanted": wanted, "cameras": n})
    await line.ping()
    assert len(plane.watched) < 40
    async with asyncio.timeout(5):
        while plane.watched[-1][1] != (Want(PeerId(f"{biology['id']}/p59"), "camera", "high"),):
            await line.ping()
    assert plane.cameras == 59


async def test_bad_frames_are_answered_and_others_do_not_notice(
    teacher: Browser, stranger: Browser, biology: Class
) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    line, _ = await stranger.enter(biology["id"], "Eve", biology["codes"]["learner"])
    for frame in (b"", b"\xc1", b"\x91" * 1000, msgpack.packb({"type": "ping", "n": "x"})):
        await line.socket.send_bytes(frame)
        assert (await line.until("error"))["code"].startswith("frame.")
    await line.socket.send_str("text")
    assert (await line.until("error"))["code"] == "frame.text"
    await line.say({"type": "hello", "token": "t", "client": "c", "last_seq": None})
    assert (await line.until("error"))["code"] == "hello.again"
    assert (await line.command("hand.raise"))["type"] == "ack"
    await teaching.until_event("hand.raised")


async def test_the_twentieth_bad_frame_ends_the_connection(stranger: Browser, biology: Class) -> None:
    line, _ = await stranger.enter(biology["id"], "Eve", biology["codes"]["learner"])
    for _ in range(BAD_FRAMES_ALLOWED):
        await line.socket.send_bytes(b"\xc1")
    assert (await line.until("bye"))["reason"] == "bad-frames"
    assert await line.close_code() == CLOSE_CODES["bad-frames"]


async def test_a_frame_that_is_too_large_ends_the_connection(
    teacher: Browser, stranger: Browser, biology: Class
) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    line, _ = await stranger.enter(biology["id"], "Eve", biology["codes"]["learner"])
    await line.socket.send_bytes(b"\xc4" * (MAX_BYTES + 1))
    assert await line.close_code() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    await teaching.until_event("participant.dropped")


async def test_nothing_is_compressed(stranger: Browser, biology: Class) -> None:
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"], compress=15)
    assert not line.socket.compress


async def refused_hello(browser: Browser, class_id: str, token: str) -> tuple[str, int | None]:
    line = await browser.connect(class_id)
    await line.say({"type": "hello", "token": token, "client": "c", "last_seq": None})
    error = await line.hear()
    assert error["type"] == "error"
    return error["code"], await line.close_code()


async def test_a_token_opens_one_connection(stranger: Browser, biology: Class) -> None:
    token = await stranger.token(biology["id"], "Ana", biology["codes"]["learner"])
    line = await stranger.connect(biology["id"])
    await line.say({"type": "hello", "token": token, "client": "c", "last_seq": None})
    await line.until("welcome")
    assert await refused_hello(stranger, biology["id"], token) == ("token.used", CLOSE_CODES["token"])
    await line.ping()


async def test_forged_expired_and_foreign_tokens_open_nothing(
    teacher: Browser, server: Running, biology: Class
) -> None:
    me = Admission(ParticipantId("me"), ClassId(biology["id"]), Role.INSTRUCTOR, "Eve")
    chemistry = await teacher.ok("POST", "/api/classes", {"title": "Chemistry"})
    forged = JoinTokens(b"k" * 32).write(me, unix_s())
    expired = server.services.tokens.write(me, unix_s() - 301)
    foreign = await teacher.token(chemistry["id"], "Dr. Rivera")
    for token, code in ((forged, "invalid"), (expired, "expired"), (foreign, "invalid"), ("", "invalid")):
        refusal = await refused_hello(teacher, biology["id"], token)
        assert refusal == (f"token.{code}", CLOSE_CODES["token"])


async def test_the_first_frame_is_a_hello(stranger: Browser, biology: Class) -> None:
    for frame, code in (({"type": "ping", "n": 1}, "hello.expected"), (7, "frame.schema")):
        line = await stranger.connect(biology["id"])
        await line.say(frame)
        assert await line.hear() == {"type": "error", "code": code}
        assert await line.close_code() == CLOSE_CODES["bad-frames"]


async def test_who_says_nothing_is_not_waited_for(server: Running, stranger: Browser, biology: Class) -> None:
    server.services.hello_within_s = 0.05
    line = await stranger.connect(biology["id"])
    assert await line.hear() == {"type": "error", "code": "hello.timeout"}
    assert await line.close_code() == CLOSE_CODES["hello-timeout"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost", ""])
async def test_a_page_of_another_origin_cannot_open_a_connection(
    stranger: Browser, biology: Class, origin: str
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stranger.connect(biology["id"], headers={"Origin": origin})
    assert refused.value.status == 403


async def test_a_plain_request_is_told_to_upgrade(stranger: Browser, biology: Class) -> None:
    assert await stranger.error("GET", f"/api/classes/{biology['id']}/live") == (426, "websocket")


async def test_a_class_that_never_was_has_no_connection(stranger: Browser) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stranger.connect("000000000000")
    assert refused.value.status == 404


async def test_a_reader_that_stalls_is_cut_and_slows_nobody(
    server: Running, teacher: Browser, stranger: Browser, biology: Class
) -> None:
    teaching, welcome = await teacher.enter(biology["id"], "Dr. Rivera")
    stalled = await stalled_reader(server, stranger, biology)
    joined = await teaching.until_event("participant.joined")
    host = await server.services.hosts.get(ClassId(biology["id"]))

    async def talk() -> None:
        while True:
            say = [host.submit(ParticipantId(welcome["participant"]), SendMessage("x" * 4000)) for _ in range(20)]
            await asyncio.gather(*say)

    async with asyncio.timeout(30):
        talking = asyncio.create_task(talk())
        try:
            told = await teaching.until_event("participant.dropped")
        finally:
            talking.cancel()
            await asyncio.wait([talking])
    assert told["participant"] == joined["participant"]
    stalled.close()


async def stalled_reader(server: Running, browser: Browser, biology: Class) -> socket.socket:
    """Somebody who joins by hand and then reads nothing, with as small a buffer as the system gives."""
    token = await browser.token(biology["id"], "Stalled", biology["codes"]["learner"])
    port = int(server.url.rsplit(":", 1)[1])
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", port))
    hello = msgpack.packb({"type": "hello", "token": token, "client": "c", "last_seq": None})
    upgrade = (
        f"GET /api/classes/{biology['id']}/live HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {server.url}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    masked = bytes([0x82, 0xFE]) + len(hello).to_bytes(2, "big") + bytes(4) + hello
    await loop.sock_sendall(raw, upgrade.encode())
    assert (await loop.sock_recv(raw, 12)).startswith(b"HTTP/1.1 101")
    await loop.sock_sendall(raw, masked)
    return raw


async def test_a_server_that_ends_says_so(stranger: Browser, server: Running, biology: Class) -> None:
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    closing = asyncio.create_task(server.services.hosts.close())
    assert (await line.until("bye"))["reason"] == "shutdown"
    assert await line.close_code() == CLOSE_CODES["shutdown"]
    await closing


async def test_a_connection_that_just_drops_is_noticed(teacher: Browser, stranger: Browser, biology: Class) -> None:
    teaching, _ = await teacher.enter(biology["id"], "Dr. Rivera")
    line, _ = await stranger.enter(biology["id"], "Ana", biology["codes"]["learner"])
    transport = line.socket.get_extra_info("socket")
    assert transport is not None
    await stranger.http.close()
    await teaching.until_event("participant.dropped")
