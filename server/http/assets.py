"""From a source file to what Vite built of it, by Vite's manifest (build.manifest, vite.dev/guide/backend-integration).

The manifest is read again when it changes, so `make build` needs no restart. What is *not* here: serving the files
(routes) and allowing them (middleware, Content-Security-Policy).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

DIST = Path(__file__).parents[1] / "static" / "dist"
URL = "/static/dist/"


class Chunk(Struct, frozen=True):
    """One line of Vite's manifest, as far as it is needed."""

    file: str
    css: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


class Assets(Struct, frozen=True):
    """The URLs one page loads. `script` is "" while the pages are not built."""

    script: str = ""
    styles: tuple[str, ...] = ()
    preloads: tuple[str, ...] = ()


class Manifest:
    """Vite's manifest on disk; absent before the first build."""

    def __init__(self, dist: Path = DIST) -> None:
        self.dist = dist
        self._path = dist / ".vite" / "manifest.json"
        self._read_at = -1
        self._chunks: dict[str, Chunk] = {}

    def assets(self, entry: str) -> Assets:
        """What the page with this entry loads; empty when it is not built."""
        self._refresh()
        chunk = self._chunks.get(entry)
        if chunk is None:
            return Assets()
        seen: list[str] = []
        styles: list[str] = []
        self._walk(entry, seen, styles)
        return Assets(
            script=URL + chunk.file,
            styles=tuple(URL + style for style in dict.fromkeys(styles)),
            preloads=tuple(URL + self._chunks[name].file for name in seen[1:]),
        )

    def _walk(self, name: str, seen: list[str], styles: list[str]) -> None:
        """Entry first, then what it imports; the CSS of imported chunks comes before the entry's own."""
        if name in seen or name not in self._chunks:
            return
        seen.append(name)
        for imported in self._chunks[name].imports:
            self._walk(imported, seen, styles)
        styles.extend(self._chunks[name].css)

    def _refresh(self) -> None:
        try:
            changed = self._path.stat().st_mtime_ns
        except OSError:
            self._chunks, self._read_at = {}, -1
            return
        if changed != self._read_at:
            self._chunks = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Chunk])
            self._read_at = changed
