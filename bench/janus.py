"""Debian's Janus with its streaming plugin, as a peer to measure against, asked over its Unix socket."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START_SECONDS = 40.0
"""It makes an RSA key first."""

ANSWER_SECONDS = 15.0
_RTP_PORT = 15004
_LIBRARIES = ("/usr/lib/x86_64-linux-gnu/janus", "/usr/lib/aarch64-linux-gnu/janus", "/usr/lib/janus")


class Janus:
    """One process. Without event loops every viewer has a thread, which is the default."""

    def __init__(self, event_loops: int, interface: str, payload_type: int) -> None:
        self._exit = contextlib.ExitStack()
        folder = Path(self._exit.enter_context(tempfile.TemporaryDirectory()))
        self.rtp_port = _RTP_PORT + event_loops
        path = folder / "api"
        _configure(folder, path, event_loops, interface, self.rtp_port, payload_type)
        process = _start(folder, path)
        self._exit.callback(_end, process)
        self.pid = process.pid
        self._api = self._exit.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self._api.settimeout(ANSWER_SECONDS)
        self._api.connect(str(path))
        self._asked = 0
        self._session = self._ask({"janus": "create"}, "success")["data"]["id"]

    def watch(self, peer: Mapping[str, Any], fingerprint: str, address: str) -> dict[str, Any]:
        """Join one viewer; where and how it is to check the path."""
        handle = self._ask({"janus": "attach", "plugin": "janus.plugin.streaming"}, "success")["data"]["id"]
        offer = self._ask({"janus": "message", "handle_id": handle, "body": {"request": "watch", "id": 1}}, "event")
        sdp: str = offer["jsep"]["sdp"]
        answer = _answer(sdp, peer, fingerprint, address)
        self._ask(
            {
                "janus": "message",
                "handle_id": handle,
                "body": {"request": "start"},
                "jsep": {"type": "answer", "sdp": answer},
            },
            "event",
        )
        candidate = next(
            line.split() for line in sdp.splitlines() if line.startswith("a=candidate:") and f" {address} " in line
        )
        return {
            "lite": False,
            "host": candidate[4],
            "port": int(candidate[5]),
            "ufrag": _attribute(sdp, "ice-ufrag"),
            "password": _attribute(sdp, "ice-pwd"),
        }

    def _ask(self, request: dict[str, Any], answer: str) -> dict[str, Any]:
        self._asked += 1
        transaction = str(self._asked)
        if self._asked > 1:
            request["session_id"] = self._session
        self._api.send(json.dumps(request | {"transaction": transaction}).encode())
        while True:
            reply: dict[str, Any] = json.loads(self._api.recv(1 << 16))
            if reply.get("transaction") != transaction or reply["janus"] == "ack":
                continue
            if reply["janus"] != answer:
                raise RuntimeError(f"Janus said {reply}")
            return reply

    def close(self) -> None:
        self._exit.close()


def _start(folder: Path, path: Path) -> subprocess.Popen[bytes]:
    """Now and then it dies while starting, so it gets a few attempts."""
    command = [str(shutil.which("janus")), "--configs-folder", str(folder), "--disable-colors"]
    deadline = time.monotonic() + START_SECONDS
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not path.exists():
        if time.monotonic() > deadline:
            _end(process)
            raise RuntimeError("Janus did not start")
        if process.poll() is not None:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.2)
    return process


def _configure(folder: Path, path: Path, event_loops: int, interface: str, rtp_port: int, payload_type: int) -> None:
    library = next((name for name in _LIBRARIES if Path(name).is_dir()), _LIBRARIES[0])
    loops = f"event_loops = {event_loops}" if event_loops else ""
    (folder / "janus.jcfg").write_text(
        f"""general: {{
            configs_folder = "{folder}"
            plugins_folder = "{library}/plugins"
            transports_folder = "{library}/transports"
            events_folder = "{library}/events"
            loggers_folder = "{library}/loggers"
            debug_level = 0
            session_timeout = 0
            {loops}
        }}
        nat: {{ ice_enforce_list = "{interface}" }}
        plugins: {{ disable = "{_others(library, "plugins", "streaming")}" }}
        transports: {{ disable = "{_others(library, "transports", "pfunix")}" }}
        """
    )
    (folder / "janus.transport.pfunix.jcfg").write_text(
        f'general: {{ enabled = true, json = "plain", path = "{path}" }}\n'
    )
    (folder / "janus.plugin.streaming.jcfg").write_text(
        f"""bench: {{
            type = "rtp"
            id = 1
            media = ( {{ type = "video", mid = "v", port = {rtp_port}, pt = {payload_type}, codec = "vp8" }} )
        }}
        """
    )


def _others(library: str, kind: str, but: str) -> str:
    names = sorted(one.name for one in (Path(library) / kind).glob("*.so"))
    return ",".join(name for name in names if but not in name)


def _answer(offer: str, peer: Mapping[str, Any], fingerprint: str, address: str) -> str:
    media = next(line for line in offer.splitlines() if line.startswith("m=video"))
    payload_type = media.split()[3]
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {_attribute(offer, 'mid')}"]
    lines += [f"m=video 9 UDP/TLS/RTP/SAVPF {payload_type}", f"c=IN IP4 {address}", "a=recvonly", "a=rtcp-mux"]
    lines += [f"a=mid:{_attribute(offer, 'mid')}", f"a=rtpmap:{payload_type} VP8/90000"]
    lines += [f"a=rtcp-fb:{payload_type} nack", f"a=rtcp-fb:{payload_type} nack pli"]
    lines += [f"a=ice-ufrag:{peer['ufrag']}", f"a=ice-pwd:{peer['password']}"]
    lines += [f"a=fingerprint:sha-256 {fingerprint}", "a=setup:active"]
    lines += [f"a=candidate:1 1 udp 2130706431 {address} {peer['port']} typ host", "a=end-of-candidates"]
    return "\r\n".join(lines) + "\r\n"


def _attribute(sdp: str, name: str) -> str:
    return next(line.partition(":")[2] for line in sdp.splitlines() if line.startswith(f"a={name}:"))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
