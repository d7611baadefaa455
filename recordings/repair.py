"""Finish a track file that was cut off: keep its good prefix, drop the torn tail, seal it in place.

Idempotent: a sealed file is left alone, and a repair that is itself cut off is simply done again.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from msgspec.structs import replace

from recordings.disk import Disk
from recordings.ebml import size_of
from recordings.scan import Scan, scan
from recordings.webm import CLUSTER, CLUSTER_HEAD, seal


def scan_file(path: Path, thorough: bool = True) -> Scan:
    """Raises ValueError when it is not a track of ours or nothing was written, OSError when it cannot be read."""
    if not path.stat().st_size:
        raise ValueError("an empty file")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        return scan(octets, thorough)


def repair(disk: Disk, path: Path) -> Scan:
    """Returns what the file holds now; it may be unsealed still, when there is no room for its Cues.

    Raises like scan_file (ValueError: the file is unchanged).
    """
    found = scan_file(path, thorough=False)
    if found.sealed and not found.wrong_sizes:
        return found
    file = disk.open(path)
    try:
        file.truncate(found.end)
        for cluster in found.wrong_sizes:
            file.write(cluster.offset + len(CLUSTER), size_of(cluster.size - CLUSTER_HEAD, 8))
        size = seal(file, found.front, found.clusters, found.end, found.duration_ms)
    finally:
        file.close()
    return replace(found, wrong_sizes=(), sealed=size > found.end)
