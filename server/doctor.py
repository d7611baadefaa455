"""`bichron doctor`: what on this machine would keep a class from working, and what to do about it.

A check looks and changes nothing lasting. "fail" means that something will not work, "warn" that it may not for some.
"""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

from cryptography import x509
from msgspec import Struct

from server.config import Config
from server.http.assets import Manifest
from server.media.fanout import best as fanout
from server.media.net import best as intake

SPACE_TO_START = 64 * 2**20
SPACE_FOR_A_CLASS = 2 * 2**30
"""About what thirty cameras take in two hours."""
UDP_BUFFER = 4 * 2**20
"""What the media port asks the kernel for; a burst of keyframes does not fit into less."""
EXPIRES_SOON = datetime.timedelta(days=14)


class Verdict(Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


class Finding(Struct, frozen=True):
    """What was looked at, how it is, and what to do ("" when nothing is)."""

    verdict: Verdict
    what: str
    advice: str = ""


def data_directory(config: Config) -> Finding:
    place = _nearest_existing(config.data)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        advice = f"choose another with --data, or let this account write there: chown {_account()} {place}"
        return Finding(Verdict.FAIL, f"data directory {config.data} cannot be written: {error.strerror}", advice)
    return Finding(Verdict.OK, f"data directory {config.data} can be written")


def disk_space(config: Config) -> Finding:
    free = shutil.disk_usage(_nearest_existing(config.data)).free
    what = f"{free / 2**30:.1f} GiB free for classes and recordings"
    if free < SPACE_TO_START:
        return Finding(Verdict.FAIL, what, "free some space, or choose another disk with --data")
    if free < SPACE_FOR_A_CLASS:
        return Finding(Verdict.WARN, what, "a long class with many cameras needs 2 GiB to be recorded")
    return Finding(Verdict.OK, what)


def tcp_port(config: Config) -> Finding:
    return _port(config, socket.SOCK_STREAM, "TCP", config.port, "--port")


def udp_port(config: Config) -> Finding:
    return _port(config, socket.SOCK_DGRAM, "UDP", config.udp_port, "--udp-port")


def media_tcp_port(config: Config) -> Finding:
    """For networks that let no UDP through, media listens on the same number for TCP."""
    return _port(config, socket.SOCK_STREAM, "TCP", config.udp_port, "--udp-port")


def udp_buffer(config: Config) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)
        granted = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux reports twice what it grants
    if granted >= UDP_BUFFER:
        return Finding(Verdict.OK, "UDP buffers are large enough")
    return Finding(
        Verdict.WARN,
        f"UDP buffers are limited to {granted // 1024} KiB; with many cameras packets may be lost",
        f"sysctl -w net.core.rmem_max={UDP_BUFFER} net.core.wmem_max={UDP_BUFFER}",
    )


def certificate(config: Config) -> Finding:
    if config.tls == "self-signed":
        return Finding(
            Verdict.WARN, "the certificate is self-signed", "each browser asks once whether to accept it; say yes there"
        )
    if config.tls_cert is None or config.tls_key is None:
        return Finding(Verdict.OK, "no TLS certificate to check")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_cert, config.tls_key)
        expires = x509.load_pem_x509_certificate(config.tls_cert.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        advice = "--tls-cert wants the chain and --tls-key its unencrypted private key, both PEM and readable"
        return Finding(Verdict.FAIL, f"the TLS certificate cannot be used: {error}", advice)
    left = expires - datetime.datetime.now(datetime.UTC)
    if left < datetime.timedelta():
        return Finding(Verdict.FAIL, f"the TLS certificate expired on {expires:%Y-%m-%d}", "renew it")
    soon = left < EXPIRES_SOON
    return Finding(
        Verdict.WARN if soon else Verdict.OK,
        f"the TLS certificate is valid until {expires:%Y-%m-%d}",
        "renew it" if soon else "",
    )


def secure_context(config: Config) -> Finding:
    """Browsers give out cameras and microphones only in secure contexts (W3C): https, or this very machine."""
    if config.secure:
        return Finding(Verdict.OK, "browsers reach the pages by https, so they give out cameras and microphones")
    if config.local_only:
        advice = "" if not config.public_url else "--public-url should start with https://"
        return Finding(Verdict.OK, "this machine's own browsers give out cameras on http://localhost", advice)
    return Finding(
        Verdict.FAIL,
        "other machines would reach the pages by plain http, where browsers give out no camera and no microphone",
        "add --tls self-signed (to try), --tls-cert and --tls-key, or a TLS proxy and --public-url https://…",
    )


def pages_built(config: Config) -> Finding:
    manifest = Manifest()
    missing = [entry for entry in ENTRIES if not manifest.assets(entry).script]
    if missing:
        return Finding(Verdict.FAIL, "the pages are not built", "make build (it needs Node.js, and gets it if missing)")
    return Finding(Verdict.OK, "the pages are built")


def fan_out(config: Config) -> Finding:
    parts = {"fan-out": fanout.why_not_native(), "intake": intake.why_not_native()}
    why_not = [f"{part}: {why}" for part, why in parts.items() if why]
    if not why_not:
        return Finding(Verdict.OK, "media is received and forwarded by compiled code")
    what = f"Python does what compiled code would do for less CPU time ({'; '.join(why_not)})"
    advice = "for large classes install again (tools/setup python requirements.lock) to compile it"
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        advice = "for large classes install a C compiler (Debian: gcc libc6-dev) and Bichron again"
    return Finding(Verdict.OK, what, advice)


def media_libraries(config: Config) -> Finding:
    try:
        import aioice
        import aiortc
        import pylibsrtp
    except ImportError as error:
        return Finding(Verdict.FAIL, f"a media library does not load: {error}", "make run sets the installation right")
    versions = f"aiortc {aiortc.__version__}, aioice {aioice.__version__}, pylibsrtp {pylibsrtp.__version__}"
    return Finding(Verdict.OK, f"media libraries load ({versions})")


def keys_private(config: Config) -> Finding:
    folder = config.data / "keys"
    if not folder.is_dir():
        return Finding(Verdict.OK, "keys are made at the first start")
    open_ones = [path.name for path in folder.glob("*.key") if path.stat().st_mode & 0o077]
    if open_ones:
        return Finding(Verdict.FAIL, f"others can read {', '.join(open_ones)}", f"chmod 600 {folder}/*.key")
    return Finding(Verdict.OK, "only this account can read the keys")


ENTRIES = ("src/pages/main.ts", "src/room/main.tsx", "src/player/main.tsx")

CHECKS: tuple[Callable[[Config], Finding], ...] = (
    data_directory,
    disk_space,
    keys_private,
    tcp_port,
    udp_port,
    media_tcp_port,
    udp_buffer,
    certificate,
    secure_context,
    pages_built,
    media_libraries,
    fan_out,
)


def examine(config: Config) -> Iterator[Finding]:
    yield from (check(config) for check in CHECKS)


def main(config: Config) -> int:
    """Print every finding; 1 when something fails."""
    failed = 0
    for finding in examine(config):
        print(f"{finding.verdict.value:>4}  {finding.what}")
        if finding.advice:
            print(f"      -> {finding.advice}")
        failed += finding.verdict is Verdict.FAIL
    print("Ready to serve." if not failed else f"{failed} thing{'s' if failed > 1 else ''} to put right.")
    return 1 if failed else 0


def _port(config: Config, kind: socket.SocketKind, name: str, port: int, flag: str) -> Finding:
    if port == 0:
        return Finding(Verdict.OK, f"a free {name} port will be taken")
    family = socket.AF_INET6 if ":" in config.bind_address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.bind_address, port))
        except OSError as error:
            advice = f"stop what uses it (perhaps this server, already running) or choose another with {flag}"
            return Finding(Verdict.FAIL, f"{name} port {port} of {config.host} is not free: {error.strerror}", advice)
    return Finding(Verdict.OK, f"{name} port {port} of {config.host} is free")


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _account() -> str:
    """As `chown` takes it."""
    return str(os.getuid())
