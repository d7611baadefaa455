"""Write the vectors that the browser's reducers are tested on: what a viewer saw, was told, and saw then.

`python -m tests.vectors.make` writes one file per story beside this one, a list of {name, viewer, before, entry, after}
in the JSON that the wire's msgpack decodes to. `tests/vectors/test_vectors.py` fails while a file is out of date.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from server.rooms.audience import LATER, Viewer, needs_fresh_view, redact_entry
from server.rooms.breakouts import (
    AnnounceToBreakouts,
    AnswerHelp,
    AskHelp,
    AssignBreakout,
    CloseBreakouts,
    GroupPlan,
    OpenBreakouts,
    PlanBreakouts,
    RecallBreakouts,
    VisitBreakout,
)
from server.rooms.chat import DeleteMessage, SendMessage
from server.rooms.hands import LowerAllHands, LowerHand, RaiseHand
from server.rooms.kernel import MAIN, Entry, MessageId, ParticipantId, PollId, Role, RoomId
from server.rooms.polls import CastVote, ClosePoll, DiscardPoll, DraftPoll, OpenPoll, PublishPoll
from server.rooms.recording import (
    AcknowledgeRecording,
    NoteRecordingTrouble,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from server.rooms.room import Classroom, EndClass, Settings, apply
from server.rooms.roster import DropParticipant, LeaveClass, RemoveParticipant, SetRole
from server.rooms.stage import (
    LockSource,
    MuteAll,
    MuteSource,
    PublishSource,
    Source,
    UnlockSource,
    UnpublishSource,
)
from server.rooms.view import view
from tests.rooms.story import CLASS, Story, classroom

FOLDER = Path(__file__).parent
ANN, BO, CY = ParticipantId("ann"), ParticipantId("bo"), ParticipantId("cy")
VIEWERS: Mapping[str, Viewer] = {"instructor": ANN, "learner": BO, "later": LATER}


def fresh(room: Story) -> str:
    """The name that the next thing gets."""
    return f"new{len(room.entries)}"


def people() -> Story:
    room = classroom("ann:instructor", "bo")
    room.at(2_000).join("cy")
    room.at(3_000).clock(DropParticipant(CY))
    room.at(4_000).join("cy:presenter")
    room.at(5_000).ann(SetRole(CY, Role.ASSISTANT))
    room.at(6_000).ann(SetRole(CY, Role.LEARNER))
    room.at(7_000).cy(LeaveClass())
    room.at(8_000).join("cy")
    room.at(9_000).ann(RemoveParticipant(CY))
    return room


def chat() -> Story:
    room = classroom("ann:instructor", "bo", "cy")
    message = MessageId(fresh(room))
    room.at(2_000).bo(SendMessage("Is this the same as <b>last week</b>?\nI mean the ½ 🙂"))
    room.at(3_000).ann(SendMessage("Nearly."))
    room.at(4_000).bo(DeleteMessage(message))
    room.at(5_000).ann(PlanBreakouts((GroupPlan("Red", (CY,)),)))
    room.at(6_000).ann(OpenBreakouts())
    room.at(7_000).cy(SendMessage("Only Red reads this."))
    return room


def hands() -> Story:
    room = classroom("ann:instructor", "bo", "cy")
    room.at(2_000).bo(RaiseHand())
    room.at(3_000).cy(RaiseHand())
    room.at(4_000).ann(LowerHand(BO))
    room.at(5_000).bo(RaiseHand())
    room.at(6_000).cy(LeaveClass())
    room.at(7_000).join("cy")
    room.at(8_000).cy(RaiseHand())
    room.at(9_000).ann(LowerAllHands())
    return room


def polls() -> Story:
    room = classroom("ann:instructor", "bo", "cy", "dee:assistant")
    first, second = PollId(fresh(room)), PollId(f"new{len(room.entries) + 1}")
    room.at(2_000).ann(DraftPoll("Clear so far?", ("Yes", "No")))
    room.at(3_000).ann(DraftPoll("How was the homework?", ("Easy", "Right", "Hard"), anonymous=True))
    room.at(4_000).ann(OpenPoll(second))
    room.at(5_000).ann(OpenPoll(first, duration_ms=30_000))
    for poll in (first, second):
        room.at(6_000).bo(CastVote(poll, 1))
        room.at(7_000).cy(CastVote(poll, 1))
        room.at(8_000).dee(CastVote(poll, 0))
        room.at(9_000).bo(CastVote(poll, 0))
        room.at(10_000).ann(CastVote(poll, 1))
        room.at(11_000).ann(ClosePoll(poll))
        room.at(12_000).ann(PublishPoll(poll))
    room.at(13_000).ann(DiscardPoll(first))
    third = PollId(fresh(room))
    room.at(14_000).ann(DraftPoll("Another one?", ("Yes", "No")))
    room.at(15_000).ann(DiscardPoll(third))
    room.at(16_000).ann(DraftPoll("At once?", ("Yes", "No"), open=True))
    return room


def breakouts() -> Story:
    room = classroom("ann:instructor", "bo", "cy", "dee:assistant", "eve")
    plan = fresh(room)
    red, blue = RoomId(f"{plan}-1"), RoomId(f"{plan}-2")
    room.at(2_000).ann(PlanBreakouts((GroupPlan("Red", (BO, CY)), GroupPlan("Blue", (ParticipantId("eve"),)))))
    room.at(3_000).ann(AssignBreakout(CY, blue))
    room.at(4_000).ann(OpenBreakouts(duration_ms=600_000))
    room.at(5_000).cy(AskHelp())
    room.at(6_000).bo(AskHelp())
    room.at(7_000).dee(VisitBreakout(blue))
    room.at(8_000).dee(AnswerHelp(CY))
    room.at(9_000).ann(AnswerHelp(BO))
    room.at(10_000).ann(AnnounceToBreakouts("Five more minutes"))
    room.at(11_000).dee(AssignBreakout(CY, red))
    room.at(12_000).bo(SendMessage("Hello, Red"))
    room.at(13_000).dee(AssignBreakout(CY, MAIN))
    eve = ParticipantId("eve")
    room.at(14_000).by(eve, AskHelp())
    room.at(15_000).by(eve, LeaveClass())
    room.at(16_000).join("eve")
    room.at(17_000).ann(RecallBreakouts(countdown_ms=60_000))
    room.at(77_000).clock(CloseBreakouts())
    room.at(78_000).ann(PlanBreakouts((GroupPlan("Green", (CY,)),)))
    room.at(79_000).ann(OpenBreakouts())
    room.at(80_000).ann(CloseBreakouts())
    room.at(81_000).ann(PlanBreakouts((GroupPlan("Green", (CY,)),)))
    room.at(82_000).ann(PlanBreakouts(()))
    return room


def stage() -> Story:
    room = classroom("ann:instructor", "bo", "cy:presenter", settings=Settings(locked=(Source.CAMERA,)))
    room.at(2_000).ann(PublishSource(Source.MIC))
    room.at(3_000).bo(PublishSource(Source.MIC))
    room.at(4_000).cy(PublishSource(Source.SCREEN))
    room.at(5_000).cy(PublishSource(Source.SCREEN_AUDIO))
    room.at(6_000).cy(UnpublishSource(Source.SCREEN_AUDIO))
    room.at(7_000).ann(MuteSource(BO, Source.MIC))
    room.at(8_000).ann(UnlockSource(Source.CAMERA))
    room.at(9_000).bo(PublishSource(Source.CAMERA))
    room.at(10_000).bo(PublishSource(Source.MIC))
    room.at(11_000).ann(MuteAll())
    room.at(12_000).bo(PublishSource(Source.MIC))
    room.at(13_000).cy(PublishSource(Source.MIC))
    room.at(14_000).ann(LockSource(Source.MIC))
    room.at(15_000).ann(SetRole(CY, Role.LEARNER))
    room.at(16_000).ann(UnlockSource(Source.MIC))
    room.at(17_000).cy(PublishSource(Source.MIC))
    room.at(18_000).clock(DropParticipant(CY))
    room.at(19_000).join("cy")
    room.at(20_000).cy(PublishSource(Source.MIC))
    room.at(21_000).join("cy")
    room.at(22_000).cy(PublishSource(Source.MIC))
    room.at(23_000).cy(LeaveClass())
    return room


def recording() -> Story:
    room = classroom("ann:instructor", "bo")
    room.at(2_000).ann(StartRecording())
    room.at(3_000).bo(AcknowledgeRecording())
    room.at(4_000).ann(PauseRecording())
    room.at(5_000).ann(ResumeRecording())
    room.at(6_000).ann(StopRecording())
    room.at(7_000).ann(StartRecording())
    room.at(8_000).clock(NoteRecordingTrouble("disk-full"))
    room.at(9_000).clock(NoteRecordingTrouble(""))
    room.at(10_000).clock(NoteRecordingTrouble("too-slow"))
    room.at(11_000).ann(PauseRecording())
    return room


def ending() -> Story:
    room = classroom("bo", "cy", settings=Settings(record_automatically=True))
    room.at(2_000).join("ann:instructor")
    room.at(3_000).ann(DraftPoll("Still here?", ("Yes", "No"), open=True))
    room.at(4_000).bo(CastVote(PollId(f"new{len(room.entries) - 1}"), 0))
    room.at(5_000).bo(RaiseHand())
    room.at(6_000).bo(PublishSource(Source.MIC))
    room.at(7_000).ann(PlanBreakouts((GroupPlan("Red", (CY,)),)))
    room.at(8_000).ann(OpenBreakouts())
    room.at(9_000).ann(EndClass())
    return room


STORIES: Mapping[str, Callable[[], Story]] = {
    story.__name__: story for story in (people, chat, hands, polls, breakouts, stage, recording, ending)
}


def vectors(story: Story) -> list[dict[str, Any]]:
    """One for each entry and each viewer who is told of it, unless he would be sent a fresh view instead."""
    found = []
    for viewer_name, viewer in VIEWERS.items():
        before = Classroom.empty(CLASS)
        for entry in story.entries:
            after = apply(before, entry)
            told = redact_entry(before, after, entry, viewer)
            if told.events and not needs_fresh_view(before, after, viewer):
                found.append(
                    {
                        "name": f"{entry.seq} {_what(entry)}",
                        "viewer": viewer_name,
                        "before": msgspec.to_builtins(view(before, viewer)),
                        "entry": {
                            "seq": told.seq,
                            "at": told.at,
                            "actor": told.actor,
                            "events": [msgspec.to_builtins(event) for event in told.events],
                        },
                        "after": msgspec.to_builtins(view(after, viewer)),
                    }
                )
            before = after
    return found


def _what(entry: Entry) -> str:
    return ", ".join(dict.fromkeys(str(type(event).__struct_config__.tag) for event in entry.events))


def text(name: str) -> str:
    """The content of the file of a story: a vector per line, so that a change shows where it is."""
    lines = (json.dumps(vector, ensure_ascii=False, separators=(",", ":")) for vector in vectors(STORIES[name]()))
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    for name in STORIES:
        (FOLDER / f"{name}.json").write_text(text(name))
