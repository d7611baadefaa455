"""Who is told how good whose connection is."""

from __future__ import annotations

import pytest

from server.live.hosts import MediaSwitchboard
from server.live.links import Link, Links, Quality
from server.live.telling import LinkTold, PoorLinks
from server.media.shapes import Less, LinkReport, PeerId, Reduced
from server.rooms.kernel import ParticipantId, Role
from server.rooms.roster import SetRole
from tests.live.world import CLASS, Person, World, settle

ANA = ParticipantId("ana")
HALF = Reduced(PeerId(f"{CLASS}/bo"), "camera", Less.FEWER, "h", 1)
FINE = LinkReport(round_trip_ms=30, lost_up=0, lost_down=0.004, up_bps=0, down_bps=0, pictures=1, reduced=())
BAD = LinkReport(round_trip_ms=30, lost_up=0.12, lost_down=0.02, up_bps=0, down_bps=0, pictures=1, reduced=(HALF,))
SLOW = LinkReport(round_trip_ms=500, lost_up=0, lost_down=0, up_bps=0, down_bps=0, pictures=1, reduced=())


def test_one_bad_report_proves_nothing_two_do_and_three_good_ones_undo_it() -> None:
    links = Links()
    words = []
    for report in (BAD, FINE, BAD, BAD, FINE, FINE, FINE):
        links.measured({ANA: report})
        words.append(links.of(ANA).quality.value)
    assert words == ["good", "good", "good", "weak", "weak", "weak", "good"]
    assert links.poor() == {}


def test_what_is_told_is_the_loss_each_way_and_whether_pictures_are_smaller() -> None:
    links = Links()
    for _ in range(2):
        links.measured({ANA: BAD})
    assert links.of(ANA) == Link(Quality.WEAK, lost_in=2, lost_out=12, round_trip_ms=30, reduced=(HALF,))


def test_a_long_way_is_fair_and_silence_is_good_news() -> None:
    links = Links()
    for _ in range(2):
        links.measured({ANA: SLOW})
    assert links.poor() == {ANA: Quality.FAIR}
    for _ in range(3):
        links.measured({})
    assert links.poor() == {}


def reported(world: World, **reports: LinkReport) -> None:
    world.switchboard.links({PeerId(f"{CLASS}/{who}"): report for who, report in reports.items()})


def links_told(person: Person) -> list[dict[ParticipantId, Quality]]:
    return [dict(message.links) for message in person.heard if isinstance(message, PoorLinks)]


@pytest.fixture
async def world() -> World:
    world = World()
    await world.opened()
    return world


async def test_one_is_told_of_oneself_and_hosts_of_everyone(world: World) -> None:
    ann, bo, cy = await world.comes("ann", Role.INSTRUCTOR), await world.comes("bo"), await world.comes("cy")
    for _ in range(3):
        reported(world, bo=BAD, cy=FINE)
        await settle()
    assert links_told(ann) == [{bo.id: Quality.WEAK}]
    assert [message.link.quality for message in bo.heard if isinstance(message, LinkTold)] == [Quality.WEAK]
    assert not any(isinstance(message, LinkTold | PoorLinks) for message in cy.heard)

    await ann.says(SetRole(cy.id, Role.ASSISTANT))
    reported(world, bo=BAD)
    await settle()
    assert links_told(cy) == [{bo.id: Quality.WEAK}]

    world.switchboard.media_lost(PeerId(f"{CLASS}/bo"), "closed")
    reported(world)
    await settle()
    assert links_told(ann)[-1] == {}
    await world.hosts.close()


async def test_every_report_is_counted_whosever_it_is() -> None:
    counted: list[LinkReport] = []
    MediaSwitchboard(counted.extend).links({PeerId("elsewhere/bo"): BAD})
    assert counted == [BAD]
