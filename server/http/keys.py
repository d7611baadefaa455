"""The three secrets of an installation, as files only their owner can read.

They are made at the first start and kept, so that a restart signs nobody out. Deleting a file and starting again makes
a new one and closes what the old one opened.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from msgspec import Struct

BYTES = 32
"""RFC 7518 3.2: a key for HS256 is at least as long as the hash."""


class Keys(Struct, frozen=True):
    session: bytes
    """Signs cookies."""
    instructor: str
    """In the instructor link."""
    api: str
    """Bearer token of the REST interface."""

    def __repr__(self) -> str:
        return "Keys(...)"


def load(folder: Path) -> Keys:
    """The keys under `folder`, made where they are missing. Raises OSError, or ValueError for a file cut short."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return Keys(
        session=bytes.fromhex(_kept(folder / "session.key", secrets.token_hex(BYTES))),
        instructor=_kept(folder / "instructor.key", secrets.token_urlsafe(BYTES)),
        api=_kept(folder / "api.key", secrets.token_urlsafe(BYTES)),
    )


def _kept(path: Path, fresh: str) -> str:
    try:
        # O_EXCL: of two processes that start at once, one writes and the other reads.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        kept = path.read_text(encoding="ascii").strip()
        if len(kept) < BYTES:
            raise ValueError(f"{path.name} is too short to be a key; delete it to have a new one made") from None
        return kept
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(fresh + "\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh
