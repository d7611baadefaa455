"""Puts the server together: the only file that picks implementations, opens them in order and closes them in reverse.

catalogue   SQLite          {data}/catalogue.db
log         files           {data}/log
recordings  files           {data}/recordings
keys        files           {data}/keys
media       one UDP port
pages       one TCP port
"""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from msgspec import Struct

from recordings.recorder import FileRecorder
from recordings.shelf import Shelf
from server import address, descriptors, garbage, observe, tls
from server.catalogue import Catalogue
from server.config import Config
from server.http import keys as key_files
from server.http import pages, routes
from server.http.assets import Manifest
from server.http.relay import Relay
from server.http.services import Services
from server.live.clock import SystemClock
from server.live.hosts import Hosts, MediaSwitchboard
from server.live.ports import MediaListener, MediaPlane
from server.log.file import FileLog
from server.media.plane import UdpPlane

log = logging.getLogger(__name__)

SHUTDOWN_S = 3.0
"""How long connections may take to say goodbye."""

IDLE_S = 150.0
"""How long a connection may go without a request, from its first moment on. Caddy keeps its own for two minutes."""


class CannotStart(Exception):
    """The server cannot run here; the message says why, for whoever started it."""


class Running(Struct, frozen=True):
    """A server that answers."""

    url: str
    instructor_link: str
    udp_port: int
    services: Services


class Media(Struct, frozen=True):
    """A media plane that is open, its port, and its counters."""

    plane: MediaPlane
    port: int
    counts: Mapping[str, int]


OpenMedia = Callable[[Config, SystemClock, MediaListener, AsyncExitStack], Awaitable[Media]]
"""Opens a media plane that tells the time by the clock, and leaves its closing on the stack."""


async def udp_media(config: Config, clock: SystemClock, listener: MediaListener, stack: AsyncExitStack) -> Media:
    first, *others = address.all_reachable(config)
    try:
        plane = await UdpPlane.open(
            config.bind_address, config.udp_port, first, listener, clock.now_us, other_addresses=others
        )
    except OSError as error:
        raise CannotStart(f"UDP port {config.udp_port} of {config.host} cannot be used: {error.strerror}") from error
    stack.push_async_callback(plane.close)
    return Media(plane, plane.port, plane.counts)


@asynccontextmanager
async def running(config: Config, open_media: OpenMedia = udp_media) -> AsyncIterator[Running]:
    """A server for as long as the block lasts. Raises CannotStart."""
    async with AsyncExitStack() as stack:
        services, udp_port = await _services(config, open_media, stack)
        yield await _listen(config, services, udp_port, stack)
        log.info("closing")


async def _services(config: Config, open_media: OpenMedia, stack: AsyncExitStack) -> tuple[Services, int]:
    keys, entries = _open_files(config)
    stack.push_async_callback(entries.close)
    catalogue = await _open_catalogue(config)
    stack.push_async_callback(catalogue.close)
    clock = SystemClock()
    metrics = observe.Metrics()
    switchboard = MediaSwitchboard(metrics.note_links)
    recorder = FileRecorder(config.data / "recordings", entries, clock.now)
    stack.push_async_callback(recorder.close)
    media = await open_media(config, clock, switchboard, stack)
    hosts = Hosts(entries, media.plane, recorder, clock=clock, switchboard=switchboard, on_end=catalogue.end_class)
    await recorder.recover()
    await hosts.recover()
    metrics.observe_classes(lambda: len(hosts.running))
    metrics.observe_media(media.counts)
    await stack.enter_async_context(metrics.loop_observed())
    services = Services(
        config=config,
        keys=keys,
        catalogue=catalogue,
        hosts=hosts,
        shelf=Shelf(config.data / "recordings", entries, recorder),
        clock=clock,
        metrics=metrics,
        templates=pages.environment(),
        manifest=Manifest(),
        relay=_relay(config),
    )
    return services, media.port


def _open_files(config: Config) -> tuple[key_files.Keys, FileLog]:
    try:
        config.data.mkdir(parents=True, exist_ok=True)
        return key_files.load(config.data / "keys"), FileLog(config.data / "log")
    except BlockingIOError as error:
        raise CannotStart(f"another server already uses the data directory {config.data}") from error
    except (OSError, ValueError) as error:
        raise CannotStart(f"the data directory {config.data} cannot be used: {error}") from error


def _relay(config: Config) -> Relay:
    if config.turn_secret_file is None or not config.turn_urls:
        return Relay()
    try:
        secret = config.turn_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"the TURN secret {config.turn_secret_file} cannot be read: {error}") from error
    if not secret:
        raise CannotStart(f"the TURN secret {config.turn_secret_file} is empty")
    return Relay(config.turn_urls, secret)


async def _open_catalogue(config: Config) -> Catalogue:
    try:
        return await Catalogue.open(config.data / "catalogue.db")
    except ValueError as error:
        raise CannotStart(str(error)) from error


async def _listen(config: Config, services: Services, udp_port: int, stack: AsyncExitStack) -> Running:
    runner = web.AppRunner(
        routes.application(services), access_log=None, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=IDLE_S
    )
    await runner.setup()
    # Backwards: first nobody new, then goodbye to everyone (on open sockets), then the sockets.
    stack.push_async_callback(runner.cleanup)
    stack.push_async_callback(services.hosts.close)
    try:
        site = web.TCPSite(runner, config.bind_address, config.port, ssl_context=tls.context(config))
        await site.start()
    except (ssl.SSLError, FileNotFoundError, PermissionError) as error:
        raise CannotStart(f"the TLS certificate or key cannot be used, or the port not be opened: {error}") from error
    except OSError as error:
        raise CannotStart(f"port {config.port} of {config.host} cannot be opened: {error.strerror}") from error
    stack.push_async_callback(site.stop)
    port = runner.addresses[0][1]
    url = config.origin(port)
    return Running(url, f"{url}/enter?key={services.keys.instructor}", udp_port, services)


async def serve(config: Config) -> int:
    """Run until SIGINT or SIGTERM; the exit code. Raises CannotStart."""
    descriptors.allow_all()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(config) as server:
        services = server.services
        with garbage.swept(services.metrics.ended, services.hosts.present):
            announce(config, server)
            await stop.wait()
    return 0


def announce(config: Config, server: Running) -> None:
    """For the person at the terminal; the last line also for programs that wait for it."""
    lines = [
        f"Bichron serves {server.url}",
        f"  Instructor link  {server.instructor_link}",
        f"  Media            UDP port {server.udp_port} at {', '.join(address.all_reachable(config))}",
        f"  Data             {config.data.resolve()}",
    ]
    if not (config.local_only or config.public_url or config.public_address):
        lines.append(f"  On the network   {server.url.replace('localhost', address.reachable(config))}")
    if not config.secure and not config.local_only:
        lines.append("  Note             browsers give no camera or microphone to plain http: add --tls self-signed")
    if not server.services.manifest.assets("src/room/main.tsx").script:
        lines.append("  Note             the pages are not built yet: run `make build`")
    print(*lines, f"Ready: {server.url}", sep="\n", flush=True, file=sys.stdout)
