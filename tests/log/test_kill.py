"""A process killed in the middle of its appends: what it had acknowledged is there when the next one starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from server.log.file import FileLog
from server.rooms.kernel import ClassId
from tests.log import writer

CLASSES = 3
KILLS = 12


def acknowledged_until_killed(root: Path, after_lines: int) -> dict[str, int]:
    """Let a writer go on until it has acknowledged so many appends, kill it, and return its ledger."""
    process = subprocess.Popen(
        [sys.executable, str(Path(writer.__file__)), str(root), str(CLASSES)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    ledger: dict[str, int] = {}
    with process.stdout:
        for count, line in enumerate(process.stdout):
            if count == after_lines:
                process.send_signal(signal.SIGKILL)
            class_id, seq = line.split()  # what was written before the kill counts, too
            ledger[class_id.decode()] = int(seq)
    assert process.wait() == -signal.SIGKILL
    return ledger


async def test_kill_9_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    dice = Random(9)
    for _ in range(KILLS):
        ledger = acknowledged_until_killed(tmp_path, after_lines=dice.randint(1, 120))
        log = FileLog(tmp_path)
        for n in range(CLASSES):
            class_id = ClassId(f"class-{n}")
            entries = await log.read(class_id)
            assert len(entries) >= ledger.get(class_id, 0)
            assert entries == [writer.entry(seq) for seq in range(1, len(entries) + 1)]
            snapshot, tail = await log.load(class_id)
            assert (0 if snapshot is None else snapshot.seq) + len(tail) == len(entries)
        await log.close()
