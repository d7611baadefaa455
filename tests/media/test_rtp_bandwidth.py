"""A viewer's rate follows its link: a simulated link of any capacity, delay and loss, with real feedback packets."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest

from server.media.rtp import bandwidth, rtcp
from server.media.rtp.bandwidth import DownlinkRate
from server.media.rtp.layers import Choice, Layer, Wish, allocate
from server.media.rtp.sent import SentLog
from server.media.rtp.twcc import FeedbackBuilder, TransportFeedback

RATES = {"l": 150_000, "m": 500_000, "h": 1_700_000}
CAMERA = [Layer(rid, rate, 1) for rid, rate in RATES.items()]
TURN_US = 10_000
CLOCK_SKEW_US = 123_456_789


class Link:
    """A camera of three layers through a link with a queue, turn by turn of 10 ms; the viewer reports every 100 ms."""

    def __init__(
        self,
        capacity_bps: int,
        *,
        delay_ms: int = 20,
        queue_ms: int = 1000,
        burst_bytes: int = 0,
        loss: float = 0.0,
        reports: bool = True,
    ) -> None:
        """`burst_bytes` pass at once after a while of little (a token bucket)."""
        self.capacity_bps = capacity_bps
        self.delay_us = delay_ms * 1000
        self.queue_ms = queue_ms
        self.burst_bytes = burst_bytes
        self.loss = loss
        self.reports = reports
        self._log = SentLog()
        self.downlink = DownlinkRate(self._log)
        self.now_us = 1_000_000_000
        self.shows = ["l", "m", "h"]
        self.rid = "h"
        self.rids: list[str] = []
        self.queues_ms: list[float] = []
        self.padded = 0
        self._dice = Random(5)
        self._viewer = FeedbackBuilder(1)
        self._log.next_seq = self._seq = 65_000
        self._free_us = self.now_us
        self._owed_bytes = 0.0
        self._under_way: deque[tuple[int, int]] = deque()
        self._feedback: deque[tuple[int, bytes]] = deque()

    def runs(self, seconds: float) -> None:
        self.rids, self.queues_ms = [], []
        for turn in range(int(seconds * 1_000_000 / TURN_US)):
            self.now_us += TURN_US
            self._send_video(turn)
            if turn % 5 == 0:
                self._send_padding()
            self._arrive()
            if turn % 10 == 0:
                self._report()
            self._hear()
            self.rids.append(self.rid)
            self.queues_ms.append(self._queued_us() / 1000)

    def _send_video(self, turn: int) -> None:
        self._owed_bytes += RATES[self.rid] / 8 * TURN_US / 1e6
        if turn % 3 == 0:  # a frame every 30 ms
            sizes = [1200] * int(self._owed_bytes // 1200)
            self._owed_bytes -= sum(sizes)
            if self._owed_bytes > 100:
                sizes.append(int(self._owed_bytes))
                self._owed_bytes -= sizes[-1]
            self._send(sizes)

    def _send_padding(self) -> None:
        size = self.downlink.padding(RATES["h"] + 300_000, self.now_us)
        self.padded += size
        self._send([1200] * (size // 1200))

    def _send(self, sizes: list[int]) -> None:
        for size in sizes:
            self._log.note(size, self.now_us)
            seq, self._seq = self._seq, self._seq + 1
            if self._queued_us() > self.queue_ms * 1000 or self._dice.random() < self.loss:
                continue
            self._free_us = max(self.now_us, self._free_us) + int(size * 8e6 / self.capacity_bps)
            self._under_way.append((self.now_us + self._queued_us() + self.delay_us, seq))

    def _queued_us(self) -> int:
        return max(0, self._free_us - int(self.burst_bytes * 8e6 / self.capacity_bps) - self.now_us)

    def _arrive(self) -> None:
        while self._under_way and self._under_way[0][0] <= self.now_us:
            at_us, seq = self._under_way.popleft()
            self._viewer.arrived(seq & 0xFFFF, at_us + CLOCK_SKEW_US)

    def _report(self) -> None:
        if self.reports:
            self._feedback.extend((self.now_us + self.delay_us, packet) for packet in self._viewer.build())

    def _hear(self) -> None:
        while self._feedback and self._feedback[0][0] <= self.now_us:
            for message in rtcp.parse_compound(self._feedback.popleft()[1]):
                assert isinstance(message, TransportFeedback)
                self.downlink.feedback(message, self.now_us)
        bps = self.downlink.bps
        if bps is not None:
            shown = [layer for layer in CAMERA if layer.rid in self.shows]
            [choice] = allocate([Wish(shown, "high", Choice(self.rid))], bps)
            self.rid = choice.rid if choice is not None else "l"


def test_a_link_with_room_is_used_from_the_start() -> None:
    link = Link(20_000_000)
    link.runs(10)

    assert set(link.rids) == {"h"}
    assert max(link.queues_ms) < 50


@pytest.mark.parametrize(("capacity_bps", "rid"), [(900_000, "m"), (450_000, "l"), (250_000, "l")])
def test_a_narrow_link_gets_what_fits_within_a_second_or_two(capacity_bps: int, rid: str) -> None:
    link = Link(capacity_bps)
    link.runs(2)
    link.runs(20)

    assert link.rids.count(rid) / len(link.rids) > 0.9
    assert "h" not in link.rids
    assert sorted(link.queues_ms)[int(len(link.queues_ms) * 0.9)] < 120


@pytest.mark.parametrize("capacity_bps", [250_000, 450_000, 900_000])
def test_a_probe_leaves_a_short_queue_however_narrow_the_link(capacity_bps: int) -> None:
    link = Link(capacity_bps)
    link.runs(5)
    padded, link.padded = link.padded, 0
    link.runs(30)

    assert link.padded > padded  # it was tried
    assert max(link.queues_ms) < 250
    assert sum(queue_ms > 120 for queue_ms in link.queues_ms) < 0.04 * len(link.queues_ms)


def test_a_link_that_drops_instead_of_queueing_is_recognised_by_its_loss() -> None:
    link = Link(450_000, queue_ms=20)
    link.runs(3)
    link.runs(10)

    assert link.rids.count("l") / len(link.rids) > 0.9


def test_a_link_that_recovers_is_used_again_within_seconds() -> None:
    link = Link(400_000)
    link.runs(8)
    assert link.rid == "l"
    link.capacity_bps = 10_000_000
    link.runs(20)

    assert link.rids[1000:] == ["h"] * 1000


def test_a_link_that_breaks_down_is_left_within_two_seconds() -> None:
    link = Link(10_000_000)
    link.runs(5)
    link.capacity_bps = 400_000
    link.runs(2)

    assert link.rid == "l"
    link.runs(3)
    assert max(link.queues_ms[100:]) < 200


def test_loss_that_is_not_the_links_fill_is_left_to_retransmission() -> None:
    link = Link(10_000_000, loss=0.04)
    link.runs(20)

    assert set(link.rids) == {"h"}


def test_a_longer_route_is_not_taken_for_a_queue_for_ever() -> None:
    link = Link(10_000_000)
    link.runs(5)
    link.delay_us += 150_000
    link.runs(25)

    assert link.rid == "h"


def test_a_link_with_room_is_not_probed() -> None:
    link = Link(20_000_000)
    link.runs(20)

    assert link.padded == 0


def test_probes_of_a_link_that_stays_narrow_become_rare() -> None:
    link = Link(450_000)
    link.runs(60)
    early, link.padded = link.padded, 0
    link.runs(60)

    assert link.padded < early
    assert link.padded * 8 / 60 < 10_000


def test_a_link_that_lets_a_burst_pass_is_not_taken_for_a_wide_one_again_and_again() -> None:
    link = Link(450_000, burst_bytes=10_000)
    link.runs(5)
    link.runs(60)

    assert link.rids.count("l") > 0.9 * len(link.rids)
    assert sum(queue_ms > 120 for queue_ms in link.queues_ms) < 0.1 * len(link.queues_ms)


def test_a_busy_viewer_who_is_sent_little_is_not_taken_for_a_narrow_link() -> None:
    link = Link(10_000_000)
    link.shows = ["l"]
    link.runs(3)
    for _ in range(3):
        link.delay_us += 300_000  # its machine does not get round to its socket
        link.runs(0.8)
        link.delay_us -= 300_000
        link.runs(1)

    bps = link.downlink.bps
    assert bps is not None
    assert bps > 500_000


def test_a_viewer_that_does_not_report_is_not_judged() -> None:
    link = Link(10_000_000, reports=False)
    link.runs(5)

    assert link.downlink.bps is None
    assert link.padded == 0


def test_reports_about_nothing_we_sent_change_nothing() -> None:
    downlink = DownlinkRate(SentLog())

    downlink.feedback(TransportFeedback(1, 2, 100, 5, 0, (1, None, 3)), 1_000_000)

    assert downlink.bps is None
    assert bandwidth.LEAST_BPS < bandwidth.START_BPS


@pytest.mark.parametrize(
    ("budget_bps", "given"),
    [
        pytest.param(10_000_000, ["h", "l", "h"], id="room for all"),
        pytest.param(2_300_000, ["h", "l", "l"], id="the first is large before the others"),
        pytest.param(1_000_000, ["m", "l", "l"], id="a middle layer"),
        pytest.param(500_000, ["l", "l", "l"], id="everybody small"),
        pytest.param(350_000, ["l", "l", None], id="the last is not shown"),
        pytest.param(100_000, [None, None, None], id="nothing fits"),
    ],
)
def test_a_budget_is_given_by_importance(budget_bps: int, given: list[str | None]) -> None:
    wishes = [Wish(CAMERA, "high"), Wish(CAMERA, "low"), Wish(CAMERA, "high")]

    assert [choice and choice.rid for choice in allocate(wishes, budget_bps)] == given


def test_a_layer_that_flows_needs_less_room_than_a_step_up() -> None:
    assert allocate([Wish(CAMERA, "high", Choice("m"))], 1_800_000) == [Choice("m")]
    assert allocate([Wish(CAMERA, "high", Choice("h"))], 1_800_000) == [Choice("h")]
    assert allocate([Wish([], "high", Choice("h"))], 1_800_000) == [None]


LAYERED = [Layer(rid, rate, 1, (rate * 4 // 10, rate * 6 // 10)) for rid, rate in RATES.items()]


@pytest.mark.parametrize(
    ("budget_bps", "given"),
    [
        pytest.param(2_400_000, [Choice("h"), Choice("l")], id="room for all"),
        pytest.param(1_800_000, [Choice("h", 1), Choice("l")], id="not quite: half the pictures"),
        pytest.param(800_000, [Choice("m"), Choice("l")], id="half of a large one does not fit either"),
        pytest.param(440_000, [Choice("m", 1), Choice("l", 1)], id="large before smooth"),
        pytest.param(240_000, [Choice("l"), Choice("l", 0)], id="small but smooth"),
        pytest.param(140_000, [Choice("l", 0), Choice("l", 0)], id="everybody somehow"),
        pytest.param(100_000, [Choice("l", 0), None], id="the last is not shown"),
    ],
)
def test_a_layer_that_does_not_quite_fit_gets_fewer_pictures(budget_bps: int, given: list[Choice | None]) -> None:
    assert allocate([Wish(LAYERED, "high"), Wish(LAYERED, "low")], budget_bps) == given


def test_all_pictures_of_a_layer_that_flows_thinned_need_room_to_spare() -> None:
    assert allocate([Wish(LAYERED, "high", Choice("h", 1))], 1_900_000) == [Choice("h", 1)]
    assert allocate([Wish(LAYERED, "high", Choice("h"))], 1_900_000) == [Choice("h")]


@pytest.mark.parametrize("loss", [0.15, 0.2, 0.3])
def test_loss_that_sending_less_does_not_cure_keeps_no_picture_away(loss: float) -> None:
    link = Link(5_000_000, loss=loss)
    link.runs(4)
    link.runs(30)
    assert link.rids.count("h") > 0.8 * len(link.rids)


def test_a_full_link_is_recognised_through_bad_weather_too() -> None:
    link = Link(5_000_000, loss=0.2)
    link.runs(10)
    link.capacity_bps = 400_000
    link.queue_ms = 5  # what does not fit is dropped
    link.runs(5)
    link.runs(10)
    assert link.rids.count("l") > 0.7 * len(link.rids)


def test_a_viewer_who_says_that_all_came_at_once_costs_no_memory() -> None:
    log = SentLog()
    rate = DownlinkRate(log)
    for base in range(0, 60_000, 100):
        for seq in range(base, base + 100):
            log.note(1_000, seq * 1_000)
        rate.feedback(TransportFeedback(1, 2, base & 0xFFFF, 0, 0, (0,) * 100), (base + 100) * 1_000)
    assert len(rate._arrived) <= 4_200
