"""`bichron demo`: a whole class in about half a minute, played by programs, then watched and checked.

An instructor with a moving, readable clock and four learners with voices of their own: chat, hands, a poll, two
breakout groups, everyone back, the end, and the recording. Everything goes through the doors a browser uses. The last
line printed is one JSON object; the exit code is 0 if everything held and 1 if anything did not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from recordings.verify import verify
from server.synthetic.participant import Participant
from server.synthetic.pictures import ClockPicture
from server.synthetic.serving import Server, start_server
from server.synthetic.voices import Voice

TEACHER_HZ = 2600
LEARNERS = {"Ana": 3000, "Bo": 3400, "Chidi": 3800, "Dilnoza": 4200}
GROUPS = (("Ana", "Bo"), ("Chidi", "Dilnoza"))
QUESTION = "Which blood cells carry oxygen?"
LATE_MS = 1_000
"""How much earlier or later than its recording the last picture may be."""
OPTIONS = ("Red", "White", "Platelets")


class Check(Exception):
    """Something the demo promises did not hold."""


def check(holds: bool, promise: str) -> None:
    if not holds:
        raise Check(promise)


def say(text: str) -> None:
    print(f"demo: {text}", flush=True)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, by nearest rank."""
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


class Lesson:
    """One scripted class. Each step raises Check, Declined or TimeoutError when something does not hold."""

    def __init__(self, server: Server, stack: contextlib.AsyncExitStack) -> None:
        self.server = server
        self.stack = stack
        self.class_id = ""
        self.learners: dict[str, Participant] = {}
        self.figures: dict[str, Any] = {}

    async def gather(self) -> None:
        """The instructor opens a class; the learners come in, each as fast as it can see the instructor."""
        self.teacher = await self.stack.enter_async_context(Participant(self.server.url, "Dr. Rivera"))
        await self.teacher.become_instructor(self.server.enter_link)
        created = await self.teacher.request("POST", "/api/classes", {"title": "Biology 101 (demo)", "record": True})
        self.class_id = created["id"]
        await self.teacher.join(self.class_id)
        await self.teacher.connect_media({"mic": Voice(TEACHER_HZ), "camera": ClockPicture()})
        await self.teacher.publish("mic", "camera")
        code = created["links"]["learner"].rstrip("/").rsplit("/", 1)[1]
        joins = [await self.admit(name, code) for name in LEARNERS]
        self.figures["join_ms_p95"] = round(p95(joins))
        say(f"{len(joins)} learners see and hear the instructor, after {min(joins):.0f} to {max(joins):.0f} ms")

    async def admit(self, name: str, code: str) -> float:
        """A learner joins; milliseconds until the first picture of the instructor is decoded."""
        learner = self.learners[name] = await self.stack.enter_async_context(Participant(self.server.url, name))
        started = time.monotonic()
        await learner.join(self.class_id, code)
        await learner.connect_media({"mic": Voice(LEARNERS[name])}, audio_slots=3, video_slots=2)
        await learner.until(lambda: sees(learner, self.teacher.id))
        took = (time.monotonic() - started) * 1000
        await learner.until(lambda: learner.hears(TEACHER_HZ))
        await learner.publish("mic")
        return took

    async def discuss(self) -> None:
        """Chat and hands."""
        ana, bo = self.learners["Ana"], self.learners["Bo"]
        await self.teacher.command("chat.send", text="Welcome to Biology 101. Can everyone see the clock?")
        await ana.command("chat.send", text="Yes, loud and clear!")
        await bo.told_event("chat.sent")
        await bo.command("hand.raise")
        await ana.command("hand.raise")
        await self.teacher.told_event("hand.raised")
        await self.teacher.command("hand.lower", participant=bo.id)
        await self.teacher.command("hand.lower-all")
        say("chat and raised hands arrived")

    async def poll(self) -> None:
        """A poll in which everybody votes; the learners see the result once it is published."""
        await self.teacher.command("poll.draft", question=QUESTION, options=list(OPTIONS), open=True)
        for i, learner in enumerate(self.learners.values()):
            opened = await learner.told_event("poll.opened")
            await learner.command("poll.vote", poll=opened["poll"], option=0 if i else 1)
        await self.teacher.command("poll.close", poll=opened["poll"])
        await self.teacher.command("poll.publish", poll=opened["poll"])
        published = await self.learners["Ana"].told_event("poll.published")
        check(list(published["tally"]) == [3, 1, 0], f"the poll counts 3, 1, 0, not {published['tally']}")
        say("the poll was answered, closed and published")

    async def break_out(self) -> None:
        """Two groups; each learner soon hears its partner and never the other group or the instructor."""
        groups = [
            {"name": f"Group {n}", "members": [self.learners[name].id for name in names]}
            for n, names in enumerate(GROUPS, start=1)
        ]
        await self.teacher.command("breakouts.plan", groups=groups)
        negotiations = {name: learner.negotiations for name, learner in self.learners.items()}
        opening = asyncio.create_task(self.teacher.command("breakouts.open", duration_ms=60_000))
        partners = {a: b for pair in GROUPS for a, b in (pair, pair[::-1])}
        moves = await asyncio.gather(*(self.hears_only(name, partners[name]) for name in self.learners))
        await opening
        check(
            all(self.learners[name].negotiations == count for name, count in negotiations.items()),
            "moving into a group takes no new offer",
        )
        self.figures["breakout_move_ms_p95"] = round(p95(moves))
        await self.learners["Ana"].command("chat.send", text="Bo, shall we start with question one?")
        await self.teacher.command("breakouts.announce", text="Two more minutes")
        await asyncio.sleep(3)  # talk for a while: the recording should have something of each group
        for name in self.learners:
            check(self.hears_nobody_else(name, partners[name]), f"{name} hears only its own group")
        await self.teacher.command("breakouts.close")
        await asyncio.gather(*(learner.until(partial(learner.hears, TEACHER_HZ)) for learner in self.learners.values()))
        say(f"each group heard only itself {min(moves):.0f} to {max(moves):.0f} ms after the click; everyone is back")

    async def hears_only(self, name: str, partner: str) -> float:
        """Milliseconds until a learner hears its partner and nobody else."""
        learner = self.learners[name]
        return await learner.until(lambda: learner.hears(LEARNERS[partner]) and self.hears_nobody_else(name, partner))

    def hears_nobody_else(self, name: str, partner: str) -> bool:
        others = [TEACHER_HZ, *(hz for other, hz in LEARNERS.items() if other not in (name, partner))]
        return not any(self.learners[name].hears(hz) for hz in others)

    async def end(self) -> str:
        """End the class and wait until its recording plays; the recording's id."""
        await asyncio.sleep(2)
        started = time.monotonic()
        await self.teacher.command("class.end")
        while True:
            listing = await self.teacher.request("GET", "/api/recordings")
            mine = [r for r in listing["recordings"] if r["class_id"] == self.class_id and r["state"] == "published"]
            if mine:
                break
            check(time.monotonic() - started < 30, "the recording is published within 30 seconds")
            await asyncio.sleep(0.05)
        self.figures["publish_seconds"] = round(time.monotonic() - started, 2)
        say(f"the recording was playable {self.figures['publish_seconds']} s after the end")
        return str(mine[0]["id"])

    async def watch(self, recording_id: str, data: Path) -> None:
        """Check what was recorded: tracks decode, durations match, and what people did is in the timeline."""
        manifest = await self.teacher.request("GET", f"/api/recordings/{recording_id}")
        timeline = await self.teacher.request("GET", f"/api/recordings/{recording_id}/timeline")
        happened = [event["type"] for entry in timeline["entries"] for event in entry["events"]]
        for kind in (
            "chat.sent",
            "hand.raised",
            "poll.opened",
            "poll.published",
            "breakouts.opened",
            "breakouts.closed",
        ):
            check(kind in happened, f"the timeline has {kind}")
        rooms = {track["room"] for track in manifest["tracks"]}
        check(len(rooms) == 3, f"the main room and both groups were recorded, not {rooms}")
        filmed = max(t["offset_ms"] + t["duration_ms"] for t in manifest["tracks"] if t["source"] == "camera")
        check(
            abs(filmed - manifest["duration_ms"]) < LATE_MS,
            f"the camera was recorded to the end: {filmed} of {manifest['duration_ms']} ms",
        )
        faults = await asyncio.to_thread(verify, data / "recordings", recording_id, decode=True)
        check(not faults, f"the recording is whole: {faults}")
        self.figures |= {
            "tracks": len(manifest["tracks"]),
            "events": len(happened),
            "recording": f"{self.server.url}/recordings/{recording_id}",
        }


def sees(viewer: Participant, participant: str) -> bool:
    slot = viewer.slot_of(participant, "camera")
    return slot is not None and slot.picture is not None


async def play(server: Server, data: Path) -> Mapping[str, Any]:
    """The whole script; the figures of the JSON line."""
    async with contextlib.AsyncExitStack() as stack:
        lesson = Lesson(server, stack)
        try:
            async with asyncio.timeout(180):
                await lesson.gather()
                await lesson.discuss()
                await lesson.poll()
                await lesson.break_out()
                recording_id = await lesson.end()
                await lesson.watch(recording_id, data)
        except Exception as error:  # noqa: BLE001 - a demo reports whatever failed
            return {"ok": False, "error": f"{type(error).__name__}: {error}"} | lesson.figures
        return {"ok": True} | lesson.figures


async def run(keep: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="bichron-demo-") as folder:
        data = Path(folder)
        try:
            server = await start_server(data)
        except RuntimeError as error:
            print(json.dumps({"ok": False, "error": str(error)}), flush=True)
            return 1
        say(f"a server runs at {server.url}")
        try:
            result = await play(server, data)
            keep = keep and bool(result["ok"])
            if keep:
                print(json.dumps(result), flush=True)
                print(
                    f"Watch it: {result['recording']}\nInstructor: {server.enter_link}\nCtrl-C ends it.",
                    file=sys.stderr,
                )
                with contextlib.suppress(asyncio.CancelledError):
                    await server.process.wait()
        finally:
            await server.stop()
    if not keep:
        print(json.dumps(result), flush=True)  # after the server's own last words
    return 0 if result["ok"] else 1


def main(keep: bool = False) -> int:
    """Run the demo; the exit code. Ctrl-C while it is kept ends it in peace."""
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(run(keep))
    return 0
