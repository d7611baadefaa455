"""How many files and sockets this process may have open: every browser is one, and so is every track being recorded.

The usual soft limit of 1024 is there for programs that still use select(2); the hard one is what we may really have.
"""

from __future__ import annotations

import logging
import resource

FEW = 4096
"""Enough for two classes of two hundred who all show their camera to a recorder."""

log = logging.getLogger(__name__)


def allow_all() -> int:
    """Raise the soft limit to the hard one, and say so in the log where even that is little; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (OSError, ValueError) as error:  # macOS calls its hard limit infinite and then does not take it
        log.warning("the limit on open files stays at %d: %s", soft, error)
    if soft != resource.RLIM_INFINITY and soft < FEW:
        log.warning("only %d files and sockets may be open at once; raise it (ulimit -Hn, LimitNOFILE=)", soft)
    return soft
