"""Where the files of a recording lie.

    {root}/{recording id}/manifest.json
                          entries.log          the class's log up to the end of the recording
                          tracks/{n}.webm
                          tracks/{n}.index     where its clusters are; can be made again from the file

An id is 32 hexadecimal digits (128 bits): with the visibility "link", knowing it is the permission.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

_ID = re.compile(r"[0-9a-f]{32}")


def new_id() -> str:
    return secrets.token_hex(16)


def folder(root: Path, recording_id: str) -> Path:
    """Raises KeyError for what cannot be an id, so that no id leads out of the root."""
    if not _ID.fullmatch(recording_id):
        raise KeyError(recording_id)
    return root / recording_id


def manifest(folder: Path) -> Path:
    return folder / "manifest.json"


def entries(folder: Path) -> Path:
    return folder / "entries.log"


def tracks(folder: Path) -> Path:
    return folder / "tracks"


def track(folder: Path, n: int) -> Path:
    return folder / "tracks" / f"{n}.webm"


def index(folder: Path, n: int) -> Path:
    return folder / "tracks" / f"{n}.index"


def recordings(root: Path) -> list[Path]:
    """The folders of all recordings. A folder without a manifest is not one (yet)."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if _ID.fullmatch(path.name) and manifest(path).is_file())
