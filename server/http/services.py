"""What the edge works with, under one typed key of the application. app.py fills it; nothing here picks a product."""

from __future__ import annotations

from aiohttp import web
from jinja2 import Environment

from recordings.shelf import Shelf
from server.catalogue import Catalogue
from server.config import Config
from server.http.assets import Manifest
from server.http.auth import Cookies, JoinTokens, Visitor
from server.http.keys import Keys
from server.http.limits import Buckets, Rate
from server.http.relay import Relay
from server.http.wire import HELLO_WITHIN_S, Phrasebook
from server.live.clock import Clock
from server.live.hosts import Hosts
from server.observe import Metrics

WRONG_CODES = Rate(per_s=5 / 60, burst=5)
"""Per address and class (facts, rule 13). Codes have 80 bits; this is for the day they are short."""
WRONG_KEYS = Rate(per_s=5 / 60, burst=5)
JOINS = Rate(per_s=60, burst=600)
"""Per address: a whole school may sit behind one."""
SOCKETS = Rate(per_s=60, burst=600)
"""Per address, before anybody has said who he is."""
BODY_WITHIN_S = 15.0
"""64 kB over a bad mobile link take a few."""


class Limits:
    """Attempts, counted for the whole process."""

    def __init__(self) -> None:
        self.wrong_codes = Buckets(WRONG_CODES)
        self.wrong_keys = Buckets(WRONG_KEYS)
        self.joins = Buckets(JOINS)
        self.sockets = Buckets(SOCKETS)


class Services:
    """The parts behind the routes."""

    def __init__(
        self,
        *,
        config: Config,
        keys: Keys,
        catalogue: Catalogue,
        hosts: Hosts,
        shelf: Shelf,
        clock: Clock,
        metrics: Metrics,
        templates: Environment,
        manifest: Manifest,
        relay: Relay | None = None,
        hello_within_s: float = HELLO_WITHIN_S,
        body_within_s: float = BODY_WITHIN_S,
    ) -> None:
        self.config = config
        self.keys = keys
        self.cookies = Cookies(keys, config.secure)
        self.tokens = JoinTokens()
        self.catalogue = catalogue
        self.hosts = hosts
        self.shelf = shelf
        self.clock = clock
        self.metrics = metrics
        self.templates = templates
        self.manifest = manifest
        self.relay = relay or Relay()
        self.hello_within_s = hello_within_s
        self.body_within_s = body_within_s
        self.limits = Limits()
        self.phrases = Phrasebook()
        self.unnamed: set[web.WebSocketResponse] = set()
        """Sockets on which nobody has said hello yet."""


SERVICES = web.AppKey("services", Services)
VISITOR = web.RequestKey("visitor", Visitor)
NONCE = web.RequestKey("nonce", str)
"""Of this response's Content-Security-Policy."""


def services_of(request: web.Request) -> Services:
    return request.app[SERVICES]
