"""Raised hands: one first-come queue for the whole class, that a host works through.

A dropped participant keeps his place; one who left does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from server.rooms.kernel import Command, Envelope, Event, Instant, ParticipantId, Refused
from server.rooms.roster import ParticipantLeft


class RaiseHand(Command, frozen=True, tag="hand.raise"):
    """Ask for the floor."""


class LowerHand(Command, frozen=True, tag="hand.lower"):
    """Give up one's own place; a host may lower anyone's."""

    participant: ParticipantId


class LowerAllHands(Command, frozen=True, tag="hand.lower-all"):
    """Clear the queue."""


Commands = RaiseHand | LowerHand | LowerAllHands


class HandRaised(Event, frozen=True, tag="hand.raised"):
    participant: ParticipantId


class HandLowered(Event, frozen=True, tag="hand.lowered"):
    participant: ParticipantId
    by: ParticipantId


Concerns = HandRaised | HandLowered | ParticipantLeft


class RaisedHand(Struct, frozen=True):
    participant: ParticipantId
    at: Instant


class Hands(Struct, frozen=True):
    """Who waits for the floor, longest wait first."""

    queue: tuple[RaisedHand, ...] = ()

    def raised(self, participant: ParticipantId) -> bool:
        return any(hand.participant == participant for hand in self.queue)


def decide(hands: Hands, command: Commands, envelope: Envelope) -> Sequence[Event]:
    match command:
        case RaiseHand():
            # Raising twice keeps one's place.
            return [] if hands.raised(envelope.actor) else [HandRaised(envelope.actor)]
        case LowerHand(participant):
            if not hands.raised(participant):
                raise Refused("hand.not-raised")
            return [HandLowered(participant, by=envelope.actor)]
        case LowerAllHands():
            return [HandLowered(hand.participant, by=envelope.actor) for hand in hands.queue]
        case _:
            assert_never(command)


def apply(hands: Hands, event: Concerns, at: Instant) -> Hands:
    match event:
        case HandRaised(participant):
            return Hands((*hands.queue, RaisedHand(participant, at)))
        case HandLowered(participant) | ParticipantLeft(participant):
            return Hands(tuple(hand for hand in hands.queue if hand.participant != participant))
        case _:
            assert_never(event)
