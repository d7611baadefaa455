"""Under which address others reach this machine, as far as it can know."""

from __future__ import annotations

import socket

from server.config import Config

EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104, listening there is the reader's choice


def reachable(config: Config) -> str:
    """The numeric address browsers send media to."""
    return all_reachable(config)[0]


def all_reachable(config: Config) -> tuple[str, ...]:
    """Every such address, the best one first: listening on `::` there may be one of each family."""
    if config.public_address:
        return config.public_address
    if config.bind_address not in EVERYWHERE:
        return (config.bind_address,)
    if ":" not in config.bind_address:
        return (_outward(socket.AF_INET, "192.0.2.1") or "127.0.0.1",)
    both = _outward(socket.AF_INET6, "2001:db8::1"), _outward(socket.AF_INET, "192.0.2.1")
    return tuple(filter(None, both)) or ("::1", "127.0.0.1")


def _outward(family: socket.AddressFamily, outside: str) -> str:
    """Our address on the way out, if there is one. Connecting a datagram socket sends nothing; it asks the routing
    table.
    """
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((outside, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""
