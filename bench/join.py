"""Coming in: five hundred at once against the server on one core, and one after another in a real browser.

    python -m bench.join [--people 500] [--within 10] [--clicks 15] [--only mass|browser]

Prints one line of JSON; README.md says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from typing import Any

from bench import browser
from bench.classroom import AUDIO, School, priority, quantile, school, shares

CAMERA = (
    {"source": "camera", "rid": "l", "pps": 30, "burst": 1, "size": 500},
    {"source": "camera", "rid": "m", "pps": 60, "burst": 3, "size": 1050},
)
"""A talking head: 120 and 500 kbit/s."""


def mass(here: School, people: int, within_s: float) -> dict[str, object]:
    """Everyone clicks within `within_s`; how long until each has the instructor's picture."""
    lesson = here.new_class()
    stage, crowd = here.clients_start(), here.clients_start()
    teacher = {"name": "Teacher", "token": here.token(lesson.id, "Teacher", "instructor")}
    at = {"port": here.server.port, "class_id": lesson.id}
    entered = stage.ask(do="enter", **at, people=[teacher], within_s=0, limit_s=10, until=["connected"])
    for source in ("mic", "camera"):
        stage.ask(do="command", who=0, command={"type": "stage.publish", "source": source})
    stage.ask(do="send", streams=[{"who": 0, **stream} for stream in ({"source": "mic", **AUDIO}, *CAMERA)])
    learners = [{"name": f"Learner {number}", "code": lesson.learner_code} for number in range(people)]
    wanted = [{"participant": entered["participants"][0], "source": "camera", "quality": "high"}]
    before = here.used()
    came: dict[str, Any] = crowd.ask(
        do="enter", **at, people=learners, within_s=within_s, limit_s=within_s + 30, wanted=wanted
    )
    after = here.used()
    picture, sound = came["first"]["video"], came["first"]["audio"]
    return {
        "people": people,
        "within_s": within_s,
        "failures": people - came["entered"],
        "failed": came["failed"],
        "mass_first_media_s_p50": round(quantile(picture, 0.5), 3),
        "mass_first_media_s_p95": round(quantile(picture, 0.95), 3),
        "mass_first_media_s_max": round(max(picture, default=0), 3),
        "mass_first_sound_s_p95": round(quantile(sound, 0.95), 3),
        "mass_welcome_s_p95": round(quantile(came["first"]["welcome"], 0.95), 3),
        "server_cpu_ms_per_join": round(1000 * (after.server_cpu_s - before.server_cpu_s) / people, 2),
        **shares(before, after),
    }


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    result: dict[str, object] = {"bench": "join", "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    if arguments.only != "browser":
        async with school() as here:
            result["pinned"] = here.pinned
            result |= mass(here, arguments.people, arguments.within)
    if arguments.only != "mass":
        async with school(pinned=False) as here:
            took_ms = await browser.joins(here, arguments.clicks)
        result |= {
            "clicks": len(took_ms),
            "first_frame_ms_p50": round(quantile(took_ms, 0.5)),
            "first_frame_ms_p95": round(quantile(took_ms, 0.95)),
            "first_frame_ms": [round(ms) for ms in took_ms],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--within", type=float, default=10.0)
    parser.add_argument("--clicks", type=int, default=15)
    parser.add_argument("--only", choices=("mass", "browser"))
    arguments = parser.parse_args()
    with priority():
        print(json.dumps(asyncio.run(measure(arguments))), flush=True)


if __name__ == "__main__":
    main()
