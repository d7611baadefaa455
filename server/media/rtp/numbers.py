"""Numbers that wrap: from the few bits on the wire to ones that only grow (RFC 3550 A.1, RFC 1982)."""

from __future__ import annotations


def unwrap(seq: int, near: int, space: int = 1 << 16) -> int:
    """The number that looks like `seq` modulo `space` and lies nearest to `near`; half a space ahead counts as behind.

    May be negative when `near` is small.
    """
    half = space >> 1
    return near + (seq - near + half) % space - half
