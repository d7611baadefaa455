"""For load balancers and operators: is it up, and how is it doing."""

from __future__ import annotations

from aiohttp import web
from msgspec import Struct

from server.http.endpoint import Call


class Health(Struct, frozen=True):
    status: str = "ok"


async def healthz(call: Call) -> Health:
    """Answers as long as the event loop turns. Tells strangers nothing else."""
    return Health()


async def metrics(call: Call) -> web.Response:
    """Prometheus scrapes with the API key (bearer_token_file)."""
    return web.Response(
        body=call.services.metrics.exposition(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )
