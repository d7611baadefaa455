"""What a batch of commands comes to: each decided on the state the ones before it lead to. Nothing has happened yet.

A command that breaks a rule of ours (any error but Refused) is answered with "internal" and leaves no trace, and so
is one whose entry could not be read back: it would make the class unreadable for ever.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from server.live.gathering import Step
from server.log.codec import decode, encode
from server.rooms.kernel import ClientId, Command, Envelope, Instant, ParticipantId, Refused
from server.rooms.room import Classroom, apply, commit, done_at

logger = logging.getLogger(__name__)

NO_CLIENT = ClientId("")


class Asked(NamedTuple):
    """A command that waits. `answer` is None for what the class's clock asks."""

    actor: ParticipantId
    command: Command
    client: ClientId
    counter: int
    answer: asyncio.Future[int] | None

    @property
    def given_up(self) -> bool:
        return self.answer is not None and self.answer.done()


Outcome = Step | int | Refused
"""What a command does; or the seq by which there was nothing left to do; or why not."""


def decide_all(classroom: Classroom, batch: Sequence[Asked], now: Instant) -> list[tuple[Asked, Outcome]]:
    """Leaves out those for which nobody waits any more."""
    outcomes: list[tuple[Asked, Outcome]] = []
    for asked in batch:
        if asked.given_up:
            continue
        outcome = _decide(classroom, asked, now)
        if isinstance(outcome, Step):
            classroom = outcome.after
        outcomes.append((asked, outcome))
    return outcomes


def _decide(classroom: Classroom, asked: Asked, now: Instant) -> Outcome:
    done = done_at(classroom, asked.client, asked.counter)
    if done is not None:
        return done
    envelope = Envelope(
        actor=asked.actor,
        command=asked.command,
        now=now,
        fresh=secrets.token_urlsafe(9),
        seed=secrets.randbits(53),
        client=asked.client,
        counter=asked.counter,
    )
    try:
        entry = commit(classroom, envelope)
        if entry is None:
            return classroom.seq
        return Step(classroom, entry, apply(classroom, decode(encode(entry))))
    except Refused as refused:
        return refused
    except Exception:
        logger.exception("class %s: %s broke the rules", classroom.id, type(asked.command).__name__)
        return Refused("internal")
