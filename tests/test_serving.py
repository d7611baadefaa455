"""`bichron` as a program: what it prints, how it ends, and TLS of its own."""

from __future__ import annotations

import asyncio
import re
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from server import cli, observe, tls
from server.app import CannotStart, Media, running
from server.config import Config
from server.http.auth import Visitor
from server.http.identity import unix_s
from server.live.clock import SystemClock
from server.live.ports import MediaListener
from server.log.file import FileLog
from server.rooms.kernel import ClassId, Instant
from server.rooms.room import Settings, open_classroom
from tests.http.fakes import QuietPlane


async def test_serve_says_where_it_is_and_ends_in_peace(tmp_path: Path) -> None:
    """Ports of zero are free ones, the link works, SIGTERM says goodbye to who is connected and leaves with 0."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "serve", "--data", str(tmp_path), "--port", "0", "--udp-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said: list[str] = []
    async with asyncio.timeout(30):
        while not said or not said[-1].startswith("Ready: "):
            line = (await process.stdout.readline()).decode()
            assert line, (said, await process.communicate())
            said.append(line)
    url = said[-1].removeprefix("Ready: ").strip()
    assert re.fullmatch(r"http://localhost:\d+", url)
    link = next(word for word in " ".join(said).split() if "/enter?key=" in word)
    assert re.search(r"UDP port \d+ at 127\.0\.0\.1", " ".join(said))
    assert str(tmp_path) in " ".join(said)
    async with aiohttp.ClientSession(headers={"Origin": url}, cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(link, allow_redirects=False) as response:
            assert response.status == 303
        async with browser.post(f"{url}/api/classes", json={"title": "Biology 101"}) as response:
            class_id = (await response.json())["id"]
        async with browser.post(f"{url}/api/classes/{class_id}/join", json={"name": "Dr. Rivera"}) as response:
            assert response.status == 200
        async with browser.ws_connect(f"{url}/api/classes/{class_id}/live") as idle:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                _, logged = await process.communicate()
            assert idle is not None
    assert process.returncode == 0
    assert "Rivera" not in logged.decode()


async def test_a_class_is_still_there_after_a_restart(tmp_path: Path) -> None:
    config = Config(data=tmp_path, port=0, udp_port=0)
    async with running(config) as first:
        cookies = first.services.cookies
        cookie = cookies.write(Visitor("ann", "", unix_s()), unix_s())
        jar = {"Cookie": f"{cookies.name}={cookie}", "Origin": first.url}
        async with (
            aiohttp.ClientSession(headers=jar) as browser,
            browser.post(f"{first.url}/api/classes", json={"title": "Biology 101"}) as response,
        ):
            created = await response.json()
    async with running(config) as again:
        assert again.instructor_link.endswith(first.services.keys.instructor)
        jar["Origin"] = again.url
        async with (
            aiohttp.ClientSession(headers=jar) as browser,
            browser.get(f"{again.url}/api/classes/{created['id']}") as response,
        ):
            assert (await response.json())["phase"] == "open"


async def test_media_and_log_agree_on_the_time_though_the_system_clock_was_set_back(tmp_path: Path) -> None:
    """A class was cut off an hour ahead: its recording goes on after what it has, not an hour before."""
    ahead = Instant(unix_s() * 1000 + 3_600_000)
    log = FileLog(tmp_path / "log")
    await log.append(ClassId("biology00000"), 0, [open_classroom("Biology", Settings(), ahead)])
    await log.close()
    clocks: list[SystemClock] = []

    async def quiet(config: Config, clock: SystemClock, listener: MediaListener, stack: AsyncExitStack) -> Media:
        clocks.append(clock)
        return Media(QuietPlane(listener), 9, {})

    async with running(Config(data=tmp_path, port=0, udp_port=0), quiet) as server:
        assert clocks == [server.services.clock]
        assert ahead * 1000 <= clocks[0].now_us() < (ahead + 60_000) * 1000


async def test_two_servers_do_not_share_a_data_directory(tmp_path: Path) -> None:
    config = Config(data=tmp_path, port=0, udp_port=0)
    async with running(config):
        with pytest.raises(CannotStart, match="another server"):
            async with running(config):
                pass


async def test_a_port_that_is_taken_is_named_and_everything_is_closed_again(tmp_path: Path) -> None:
    async with running(Config(data=tmp_path / "a", port=0, udp_port=0)) as first:
        port = int(first.url.rsplit(":", 1)[1])
        for config, named in (
            (Config(data=tmp_path / "b", port=port, udp_port=0), f"port {port} of localhost"),
            (Config(data=tmp_path / "b", port=0, udp_port=first.udp_port), f"UDP port {first.udp_port}"),
        ):
            with pytest.raises(CannotStart, match=named):
                async with running(config):
                    pass
        await FileLog(tmp_path / "b" / "log").close()


async def test_tls_of_its_own(tmp_path: Path) -> None:
    config = Config(data=tmp_path, port=0, udp_port=0, tls="self-signed")
    async with running(config) as server:
        assert server.url.startswith("https://localhost:")
        trust = ssl.create_default_context(cafile=str(tmp_path / "keys" / "tls.crt"))
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as browser,
            browser.get(server.instructor_link, allow_redirects=False) as response,
        ):
            cookie = response.headers["Set-Cookie"]
            assert "Secure" in cookie
            assert cookie.startswith("__Host-bichron-")
            assert "Strict-Transport-Security" not in response.headers


def test_a_certificate_is_made_once_for_the_same_names(tmp_path: Path) -> None:
    certificate, key = tls.self_signed(tmp_path, ["localhost"])
    first = certificate.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    tls.self_signed(tmp_path, ["localhost"])
    assert certificate.read_bytes() == first
    tls.self_signed(tmp_path, ["192.0.2.7", "localhost"])
    assert certificate.read_bytes() != first


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["serve", "--port", "x"], 2, "--port wants a number"),
        (["doctor", "--tls", "x"], 2, "--tls is one of"),
        (["verify", "00"], 1, "no recording 00"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == code
    assert said in capsys.readouterr().err


def test_every_setting_is_a_flag_of_every_command_that_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("serve", "doctor", "verify"):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        said = capsys.readouterr().out
        assert "--public-address" in said
        assert "BICHRON_PUBLIC_ADDRESS" in said


def test_metrics_of_two_servers_do_not_collide() -> None:
    first, second = observe.Metrics(), observe.Metrics()
    first.commands.inc()
    assert b"bichron_commands_done_total 1.0" in first.exposition()
    assert b"bichron_commands_done_total 0.0" in second.exposition()
