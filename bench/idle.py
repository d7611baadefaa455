"""What people cost who just sit there: connected, silent, with nothing to see or hear.

    python -m bench.idle [--people 500] [--seconds 30]

Prints one line of JSON; README.md says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from pathlib import Path

from bench.classroom import School, priority, school, shares

SETTLES_S = 5.0
"""Joining leaves garbage and timers behind; that is bench.join's to measure."""


def idle(here: School, people: int, seconds: float) -> dict[str, object]:
    """Bring everyone in, wait until it is quiet, and watch the server do nothing."""
    crowd = here.clients_start()
    lesson = here.new_class()
    at = {"port": here.server.port, "class_id": lesson.id}
    learners = [{"name": f"Learner {number}", "code": lesson.learner_code} for number in range(people)]
    warm = {"name": "First", "code": lesson.learner_code}
    # What the first one costs is the program, not the people.
    crowd.ask(do="enter", **at, people=[warm], within_s=0, limit_s=20, until=["connected"])
    empty_kb = resident_kb(here.server.process.pid)
    came = crowd.ask(
        do="enter", **at, people=learners, within_s=people / 50, limit_s=people / 50 + 60, until=["connected"]
    )
    time.sleep(SETTLES_S)
    before = here.used()
    time.sleep(seconds)
    after = here.used()
    return {
        "people": people,
        "seconds": seconds,
        "entered": came["entered"],
        "failed": came["failed"],
        "kb_per_person": round((resident_kb(here.server.process.pid) - empty_kb) / people, 1),
        **shares(before, after),
        "lost": crowd.ask(do="count")["failed"],
    }


def resident_kb(pid: int) -> int:
    """Memory a process really holds (proc(5), status)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    result: dict[str, object] = {"bench": "idle", "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    async with school() as here:
        result["pinned"] = here.pinned
        result |= await asyncio.to_thread(idle, here, arguments.people, arguments.seconds)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    with priority():
        print(json.dumps(asyncio.run(measure(arguments))), flush=True)


if __name__ == "__main__":
    main()
