"""Every command and every event there is, as the closed unions that typed decoding needs (http/wire, log/codec).

A command or event that is missing here cannot be received, stored or decoded.
"""

from __future__ import annotations

from server.rooms import breakouts, chat, hands, polls, recording, roster, stage
from server.rooms.classroom import ClassEnded, ClassOpened, EndClass
from server.rooms.kernel import Entry

AnyCommand = (
    roster.Commands
    | chat.Commands
    | hands.Commands
    | polls.Commands
    | breakouts.Commands
    | stage.Commands
    | recording.Commands
    | EndClass
)

AnyEvent = (
    ClassOpened
    | ClassEnded
    | roster.Concerns
    | chat.Concerns
    | hands.Concerns
    | polls.Concerns
    | breakouts.Concerns
    | stage.Concerns
    | recording.Concerns
)


class StoredEntry(Entry, frozen=True):
    """An entry whose events can be decoded. Decode as this, then take `entry()`: only Entry is used elsewhere."""

    events: tuple[AnyEvent, ...]

    def entry(self) -> Entry:
        return Entry(self.seq, self.at, self.actor, self.client, self.counter, self.events)
