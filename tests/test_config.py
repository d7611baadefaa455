"""Settings: one table for flags, environment and documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import config
from server.address import all_reachable
from server.config import BadSetting, Config

DOC = Path(__file__).parents[1] / "docs" / "configuration.md"


def given(*flags: str, **environ: str) -> Config:
    return config.from_environment(environ, flags)


def test_nothing_given_serves_this_machine_only() -> None:
    default = given()
    assert default == Config()
    assert default.local_only
    assert default.bind_address == "127.0.0.1"


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    assert given(BICHRON_PORT="81").port == 81
    assert given("--port", "82", BICHRON_PORT="81").port == 82


def test_the_defaults_of_the_table_are_those_of_the_type() -> None:
    assert config.parse({setting.field: setting.default for setting in config.SETTINGS}) == Config()
    assert [setting.field for setting in config.SETTINGS] == list(Config.__struct_fields__)


@pytest.mark.parametrize(
    "flags",
    [
        ("--port", "65536"),
        ("--port", "http"),
        ("--udp-port", "-1"),
        ("--host", "example.org"),
        ("--public-address", "example.org"),
        ("--public-address", "192.0.2.7,"),
        ("--public-url", "class.example.org"),
        ("--public-url", "https://class.example.org/here"),
        ("--trusted-proxies", "10.0.0.0/99"),
        ("--turn-urls", "turn:class.example.org:3478"),
        ("--turn-urls", "https://class.example.org", "--turn-secret-file", "secret"),
        ("--turn-urls", "turn:somebody@class.example.org", "--turn-secret-file", "secret"),
        ("--tls", "maybe"),
        ("--tls-cert", "cert.pem"),
        ("--tls", "self-signed", "--tls-cert", "cert.pem", "--tls-key", "key.pem"),
        ("--log-level", "loud"),
        ("--port", "9000", "--udp-port", "9000"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(flags: tuple[str, ...]) -> None:
    with pytest.raises(BadSetting, match=flags[0]):
        given(*flags)


@pytest.mark.parametrize(
    ("flags", "origin"),
    [
        ((), "http://localhost:8080"),
        (("--host", "::1"), "http://[::1]:8080"),
        (("--host", "0.0.0.0"), "http://localhost:8080"),
        (("--host", "0.0.0.0", "--public-address", "192.0.2.7"), "http://192.0.2.7:8080"),
        (("--host", "0.0.0.0", "--public-address", "192.0.2.7, 2001:db8::7"), "http://192.0.2.7:8080"),
        (("--tls", "self-signed"), "https://localhost:8080"),
        (("--public-url", "https://Class.example.org/"), "https://class.example.org"),
    ],
)
def test_people_are_sent_to_the_address_they_can_reach(flags: tuple[str, ...], origin: str) -> None:
    assert given(*flags).origin(8080) == origin


def test_browsers_are_told_every_public_address() -> None:
    several = given("--host", "0.0.0.0", "--public-address", "192.0.2.7, 2001:db8::7,192.0.2.7")
    assert all_reachable(several) == ("192.0.2.7", "2001:db8::7")


def test_the_usual_port_is_not_spelled_out() -> None:
    assert given("--tls", "self-signed").origin(443) == "https://localhost"


def test_the_page_about_settings_is_up_to_date() -> None:
    assert DOC.read_text(encoding="utf-8") == config.document(), "run `python -m server.config`"
