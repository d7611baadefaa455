"""The files somebody deploys with say what the program understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from server.cli import parser
from server.config import from_arguments

ROOT = Path(__file__).parent.parent


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def filled(command: str) -> list[str]:
    """A compose command with its variables set."""
    for variable, value in (
        (r"\$\{TURN_SECRET_FILE:\+([^}]*)\}", r"\1"),
        (r"\$\{PUBLIC_HOST:[^}]*\}|\$PUBLIC_HOST", "class.example.org"),
        (r"\$\{PUBLIC_ADDRESS:[^}]*\}", "203.0.113.7"),
    ):
        command = re.sub(variable, value, command)
    return shlex.split(command)


def test_the_compose_file_has_every_service_and_starts_only_what_is_used() -> None:
    services = compose()["services"]
    assert set(services) == {"app", "proxy", "turn", "redis", "postgres"}
    assert {name for name, service in services.items() if not service.get("profiles")} == {"app", "proxy"}


def test_the_command_of_the_compose_file_is_one_the_program_takes() -> None:
    arguments = parser().parse_args(filled(compose()["services"]["app"]["command"]))
    assert arguments.command == "serve"
    assert arguments.public_url == "https://class.example.org"
    assert arguments.udp_port == "8189"
    settings = from_arguments(arguments, {})
    assert settings.turn_urls == ("turn:class.example.org:3478", "turn:class.example.org:3478?transport=tcp")


def test_the_turn_server_and_the_app_hold_the_same_secret() -> None:
    described = compose()
    app, turn = described["services"]["app"], described["services"]["turn"]
    assert app["secrets"] == turn["secrets"] == ["turn-secret"]
    assert "--turn-secret-file /run/secrets/turn-secret" in app["command"]
    assert "/run/secrets/turn-secret" in turn["command"][0]
    assert described["secrets"]["turn-secret"]["file"] == "${TURN_SECRET_FILE:-/dev/null}"


def test_the_media_port_is_published_for_udp_and_tcp() -> None:
    assert set(compose()["services"]["app"]["ports"]) == {"8189:8189/udp", "8189:8189/tcp"}


def test_the_command_of_the_image_is_one_the_program_takes() -> None:
    command = re.search(r"^CMD \[(.+)\]$", (ROOT / "Dockerfile").read_text(), re.M)
    assert command is not None
    assert parser().parse_args([word.strip(' "') for word in command.group(1).split(",")]).host == "0.0.0.0"
