"""How many learners one core carries: one instructor with camera, screen and voice, and ever more who watch.

    python -m bench.capacity [--step 100] [--most 1000] [--seconds 5] [--feedback]

Ends when packets are lost, the event loop is late, or the clients' core is full. Prints one line of JSON; README.md
says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from typing import Any

from bench.classroom import AUDIO, SATURATED, School, priority, school, shares

LAYERS = (
    {"source": "camera", "rid": "l", "pps": 30, "burst": 1, "size": 625},
    {"source": "camera", "rid": "m", "pps": 60, "burst": 2, "size": 1040},
    {"source": "camera", "rid": "h", "pps": 180, "burst": 6, "size": 1040},
)
"""150, 500 and 1,500 kbit/s at 30 pictures a second."""
SCREEN = {"source": "screen", "pps": 60, "burst": 12, "size": 1040}
"""500 kbit/s: five pictures a second, as when somebody scrolls."""

LOST_MOST = 0.001
LAG_MS_MOST = 50.0
JOINS_PER_SECOND = 40
SETTLE_SECONDS = 1.0


def ramp(here: School, step: int, most: int, seconds: float, *, feedback: bool) -> dict[str, object]:
    """The last number of learners at which all was well, and what it cost."""
    lesson = here.new_class()
    stage, crowd = here.clients_start(), here.clients_start()
    at: dict[str, Any] = {"port": here.server.port, "class_id": lesson.id}
    teacher = {"name": "Teacher", "token": here.token(lesson.id, "Teacher", "instructor")}
    entered = stage.ask(do="enter", **at, people=[teacher], within_s=0, limit_s=10, until=["connected"])
    for source in ("mic", "camera", "screen"):
        stage.ask(do="command", who=0, command={"type": "stage.publish", "source": source})
    streams = [{"source": "mic", **AUDIO}, *LAYERS, SCREEN]
    stage.ask(do="send", streams=[{"who": 0, **stream} for stream in streams])
    name = entered["participants"][0]
    wanted = [{"participant": name, "source": source, "quality": "high"} for source in ("screen", "camera")]
    result: dict[str, object] = {"learners": 0, "ended_by": "most"}
    steps = []
    for present in range(step, most + 1, step):
        coming = [{"name": f"Learner {present - n}", "code": lesson.learner_code} for n in range(step)]
        came = crowd.ask(
            do="enter",
            **at,
            people=coming,
            within_s=step / JOINS_PER_SECOND,
            limit_s=step / JOINS_PER_SECOND + 20,
            wanted=wanted,
            feedback=feedback,
        )
        time.sleep(SETTLE_SECONDS)
        before, counted = here.used(), crowd.ask(do="count")
        time.sleep(seconds)
        after, recounted = here.used(), crowd.ask(do="count")
        packets = sum(recounted[kind] - counted[kind] for kind in ("audio", "video"))
        lost = recounted["holes"] - counted["holes"]
        found = {
            "learners": present,
            "lost": round(lost / max(1, packets + lost), 5),
            "packets_per_second": round(packets / (after.at - before.at)),
            "us_per_packet": round((after.server_cpu_s - before.server_cpu_s) * 1e6 / max(1, packets), 2),
            **shares(before, after),
        }
        steps.append(found)
        ended_by = _trouble(found, came["failed"])
        if ended_by:
            result["ended_by"] = ended_by
            break
        result |= found
    return {**result, "steps": steps}


def _trouble(found: dict[str, Any], failed: dict[str, int]) -> str:
    if failed:
        return f"failed: {failed}"
    if found["clients_core"] > SATURATED and found["clients_core"] > found["server_core"]:
        return "clients"
    if found["lost"] > LOST_MOST:
        return "loss"
    return "lag" if found["loop_lag_ms_p99"] > LAG_MS_MOST else ""


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    result: dict[str, object] = {"bench": "capacity", "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    async with school() as here:
        result |= {"pinned": here.pinned, "feedback": arguments.feedback}
        result |= ramp(here, arguments.step, arguments.most, arguments.seconds, feedback=arguments.feedback)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--step", type=int, default=100)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--feedback", action="store_true", help="learners also say what came, ten times a second")
    arguments = parser.parse_args()
    with priority():
        print(json.dumps(asyncio.run(measure(arguments))), flush=True)


if __name__ == "__main__":
    main()
