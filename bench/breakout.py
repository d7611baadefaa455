"""Into groups: a hundred light people at once by the real command, and a real browser again and again.

    python -m bench.breakout [--people 100] [--groups 20] [--rounds 5] [--moves 20] [--only mass|browser]

Prints one line of JSON; README.md says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from typing import Any

from bench import browser
from bench.classroom import AUDIO, School, priority, quantile, school, shares

LOUD, QUIET = 10, 80
DECOYS = 4
"""With the instructor they are the five voices that the main room hears, so that nobody hears his group before."""
SPEAKERS = 2
"""In each group, so that speakers hear somebody too."""
SETTLE_SECONDS = 1.5


def mass(here: School, people: int, groups: int, rounds: int) -> dict[str, object]:
    """From the command to the first packet of somebody of one's own group, for each of them."""
    lesson = here.new_class()
    stage, crowd = here.clients_start(), here.clients_start()
    at: dict[str, Any] = {"port": here.server.port, "class_id": lesson.id, "limit_s": 30}
    size = people // groups
    speakers, listeners = groups * SPEAKERS, groups * (size - SPEAKERS)
    talking = [{"name": "Teacher", "token": here.token(lesson.id, "Teacher", "instructor")}]
    talking += [{"name": f"Speaker {number}", "code": lesson.learner_code} for number in range(DECOYS + speakers)]
    on_stage = stage.ask(do="enter", **at, people=talking, within_s=1, until=["connected"])["participants"]
    for who in range(len(talking)):
        stage.ask(do="command", who=who, command={"type": "stage.publish", "source": "mic"})
    loud = [{"who": who, "source": "mic", "level": LOUD, **AUDIO} for who in range(1 + DECOYS)]
    stage.ask(do="send", streams=loud)
    time.sleep(SETTLE_SECONDS)
    quiet = [{"who": 1 + DECOYS + number, "source": "mic", "level": QUIET, **AUDIO} for number in range(speakers)]
    voices = stage.ask(do="send", streams=quiet)["ssrcs"]
    silent = [{"name": f"Listener {number}", "code": lesson.learner_code} for number in range(listeners)]
    entered = crowd.ask(do="enter", **at, people=silent, within_s=2, until=["audio"])
    if entered["failed"]:
        raise RuntimeError(f"not everybody came in: {entered['failed']}")
    plan = []
    heard_by_stage, heard_by_crowd = {}, {}
    for group in range(groups):
        its_speakers = range(group * SPEAKERS, (group + 1) * SPEAKERS)
        its_listeners = range(group * (size - SPEAKERS), (group + 1) * (size - SPEAKERS))
        members = [on_stage[1 + DECOYS + number] for number in its_speakers]
        members += [entered["participants"][number] for number in its_listeners]
        plan.append({"name": f"Group {group + 1}", "members": members})
        for number in its_speakers:
            heard_by_stage[1 + DECOYS + number] = [voices[other] for other in its_speakers if other != number]
        for number in its_listeners:
            heard_by_crowd[number] = [voices[other] for other in its_speakers]
    first_packets: list[float] = []
    acks: list[float] = []
    missed = 0
    before = here.used()
    for _ in range(rounds):
        stage.ask(do="command", who=0, command={"type": "breakouts.plan", "groups": plan})
        crowd.ask(do="listen_for", voices=heard_by_crowd)
        stage.ask(do="listen_for", voices=heard_by_stage)
        told = stage.ask(do="command", who=0, command={"type": "breakouts.open"})
        moments = [*stage.ask(do="heard", limit_s=5)["at"], *crowd.ask(do="heard", limit_s=5)["at"]]
        first_packets += [1000 * (moment - told["asked_at"]) for moment in moments if moment is not None]
        acks.append(1000 * (told["acked_at"] - told["asked_at"]))
        missed += sum(moment is None for moment in moments)
        stage.ask(do="command", who=0, command={"type": "breakouts.close"})
        time.sleep(SETTLE_SECONDS)
    after = here.used()
    return {
        "people": groups * size,
        "groups": groups,
        "rounds": rounds,
        "missed": missed,
        "failed": {**stage.ask(do="count")["failed"], **crowd.ask(do="count")["failed"]},
        "first_packet_ms_p50": round(quantile(first_packets, 0.5), 1),
        "first_packet_ms_p99": round(quantile(first_packets, 0.99), 1),
        "first_packet_ms_max": round(max(first_packets, default=0), 1),
        "ack_ms_max": round(max(acks), 1),
        **shares(before, after),
    }


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    result: dict[str, object] = {"bench": "breakout", "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    if arguments.only != "browser":
        async with school() as here:
            result["pinned"] = here.pinned
            result |= mass(here, arguments.people, arguments.groups, arguments.rounds)
    if arguments.only != "mass":
        async with school(pinned=False) as here:
            moved = await browser.moves(here, arguments.moves)
        took_ms = moved["took_ms"]
        result |= {
            "moves": len(took_ms),
            "first_frame_ms_p50": round(quantile(took_ms, 0.5)),
            "first_frame_ms_p99": round(quantile(took_ms, 0.99)),
            "first_frame_ms": [round(ms) for ms in took_ms],
            "freezes": moved["freezes"],
            "offers": moved["offers"],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--groups", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--only", choices=("mass", "browser"))
    arguments = parser.parse_args()
    with priority():
        print(json.dumps(asyncio.run(measure(arguments))), flush=True)


if __name__ == "__main__":
    main()
