"""Who asks, from where, and whether it was a page of ours: read off a request that may say anything."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from server.config import Config
from server.http import identity

PROXIED = Config(host="0.0.0.0", public_url="https://class.example.org", trusted_proxies=("10.0.0.0/8",))


def request(headers: dict[str, str], remote: str = "198.51.100.7") -> web.Request:
    return make_mocked_request("POST", "/", headers={"Host": "localhost:8080", **headers}).clone(remote=remote)


@pytest.mark.parametrize(
    ("remote", "forwarded", "whose"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.2", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.2", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.2", "203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("10.0.0.2", "10.0.0.9", "10.0.0.9"),
        ("10.0.0.2", "nonsense", "nonsense"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
    ],
)
def test_attempts_are_counted_for_the_nearest_address_that_is_not_a_proxy_of_ours(
    remote: str, forwarded: str, whose: str
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert identity.address(request(headers, remote), PROXIED) == whose


def test_a_proxy_that_adds_a_header_of_its_own_is_believed_over_what_it_was_sent() -> None:
    headers = CIMultiDict({"Host": "localhost"})
    headers.add("X-Forwarded-For", "1.2.3.4")  # the attacker's
    headers.add("X-Forwarded-For", "203.0.113.9")  # HAProxy's
    asked = make_mocked_request("POST", "/", headers=headers).clone(remote="10.0.0.2")
    assert identity.address(asked, PROXIED) == "203.0.113.9"


@pytest.mark.parametrize(
    ("config", "host", "known"),
    [
        (Config(), "localhost:8080", True),
        (Config(), "127.0.0.1:8080", True),
        (Config(), "[::1]:8080", True),
        (Config(), "rebound.example:8080", False),
        (Config(), "", False),
        (Config(), "[::1", False),
        (Config(host="0.0.0.0"), "anything.example", True),
        (PROXIED, "class.example.org", True),
        (PROXIED, "CLASS.example.org:443", True),
        (PROXIED, "other.example.org", False),
        (Config(host="192.0.2.7"), "192.0.2.7:8080", True),
    ],
)
def test_only_names_of_ours_are_answered(config: Config, host: str, known: bool) -> None:
    assert identity.known_host(request({"Host": host}), config) is known


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"Origin": "http://localhost:8080"}, True),
        ({"Origin": "HTTP://LOCALHOST:8080"}, True),
        ({"Origin": "https://localhost:8080"}, False),
        ({"Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost:8080.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({}, False),
    ],
)
def test_only_pages_of_ours_change_anything(headers: dict[str, str], ours: bool) -> None:
    assert identity.same_origin(request(headers), Config()) is ours


def test_behind_a_proxy_our_origin_is_the_public_one() -> None:
    behind = {"Host": "class.example.org"}
    assert identity.same_origin(request({**behind, "Origin": "https://class.example.org"}), PROXIED)
    assert not identity.same_origin(request({**behind, "Origin": "http://class.example.org"}), PROXIED)
