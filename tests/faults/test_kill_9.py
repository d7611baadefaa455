"""The server is killed at random moments of a lively class: what was acknowledged is there, once, whoever asks."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from server.synthetic.participant import Declined, Participant
from server.synthetic.serving import start_server

PEOPLE, KILLS, LINES = 8, 3, 30


class Ledger:
    """What the server acknowledged, in order."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._grown = asyncio.Condition()

    async def note(self, text: str) -> None:
        async with self._grown:
            self.texts.append(text)
            self._grown.notify_all()

    async def reaches(self, count: int) -> None:
        async with self._grown:
            await self._grown.wait_for(lambda: len(self.texts) >= count)


async def chatter(person: Participant, acknowledged: Ledger) -> None:
    """Say lines one after another, each sent again over a lost connection until it is answered."""
    for n in range(LINES):
        text = f"{person.name} says line {n}"
        await person.command("chat.send", text=text)
        await acknowledged.note(text)


async def come_back(person: Participant, class_id: str, code: str) -> None:
    """Rejoin whenever the connection is lost, as the pages do, with patience."""
    while True:
        await person.lost.wait()
        for _ in range(100):
            try:
                await person.join(class_id, code)
                break
            except (OSError, Declined, TimeoutError):
                await asyncio.sleep(0.1)  # the server is down; it is started again by the test


async def test_what_was_acknowledged_survives_and_nothing_is_done_twice(tmp_path: Path) -> None:
    dice = random.Random(42)
    server = await start_server(tmp_path)
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(Participant(server.url, "Dr. Rivera"))
        await owner.become_instructor(server.enter_link)
        created = await owner.request("POST", "/api/classes", {"title": "Crash course"})
        class_id, code = created["id"], created["links"]["learner"].rsplit("/", 1)[1]
        people = [await stack.enter_async_context(Participant(server.url, f"P{n}")) for n in range(PEOPLE)]
        for person in people:
            await person.join(class_id, code)
        acknowledged = Ledger()
        returning = [asyncio.create_task(come_back(person, class_id, code)) for person in people]
        talking = [asyncio.create_task(chatter(person, acknowledged)) for person in people]
        for kill in range(1, KILLS + 1):
            await acknowledged.reaches(kill * PEOPLE * LINES // (KILLS + 2) + dice.randrange(5))
            await server.kill()
            server = await start_server(tmp_path, port=server.port)
        await asyncio.gather(*talking)
        for task in returning:
            task.cancel()

        late = await stack.enter_async_context(Participant(server.url, "Late"))
        await late.join(class_id, code)
        texts = Counter(message["text"] for message in late.view["chat"]["messages"])
        assert len(acknowledged.texts) == PEOPLE * LINES
        assert {text: count for text, count in texts.items() if count > 1} == {}
        assert set(acknowledged.texts) <= set(texts)
    await server.stop()
