"""Which simulcast layer of a camera a viewer gets, and with how many pictures a second.

Layers are listed lowest first, as their rids are offered. A layer can fall silent at any time (the sender's CPU or
uplink gives out, or its tile is unwatched); what is silent is never chosen while another one sends. Where a layer has
temporal layers (temporal.py), a link that does not quite carry it gets half of its pictures rather than smaller ones.

Not here: what rate a viewer has (bandwidth.py) and the wait for a keyframe (rewrite.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from server.media.rtp.temporal import EVERY_TID

PAUSED_MS = 500
"""A layer is paused if another one has been seen this much later; if all are silent it is the sender who is."""

QUALITIES = ("high", "low")
"""What can be wished for."""


class Layer(Struct, frozen=True):
    """One layer: its rid ("" without simulcast), its present rate and when its last packet came, 0 for never.

    `thinner_bps` is what it takes up to TID 0, 1, ..., the whole left out.
    """

    rid: str
    bitrate_bps: int
    seen_ms: int
    thinner_bps: tuple[int, ...] = ()


class Choice(NamedTuple):
    """A layer, up to a TID."""

    rid: str
    highest_tid: int = EVERY_TID


_ROOM_TO_RISE = 1.15
"""A step up needs this much more room than its rate, a stay does not: rates wobble, and every step costs a keyframe."""


class Wish(Struct, frozen=True):
    """A picture a viewer is to get: its layers, the quality, and what flows now, None for nothing."""

    layers: Sequence[Layer]
    quality: str
    present: Choice | None = None


class _Option(NamedTuple):
    choice: Choice
    bps: int
    needs_bps: float
    """What flows, or less, needs its rate; more needs room to spare."""


def choose(layers: Sequence[Layer], quality: str, budget_bps: int | None = None) -> str | None:
    """The rid to forward for quality "high" or "low" (lowest of those that send); None if nothing was ever sent.

    With a budget "high" is the highest layer that fits; the lowest that sends is given even if it does not fit, for
    whether to show a picture at all is not decided here. Raises ValueError for another quality.
    """
    if quality not in QUALITIES:
        raise ValueError(f'quality is "high" or "low", got {quality!r}')
    sending = active(layers)
    if not sending:
        return None
    best = sending[0]
    if quality == "high":
        for layer in sending[1:]:
            if budget_bps is None or layer.bitrate_bps <= budget_bps:
                best = layer
    return best.rid


def allocate(wishes: Sequence[Wish], budget_bps: int) -> list[Choice | None]:
    """What each wish gets, most important first, so that all fit a budget; None where nothing does.

    Everybody is shown somehow before anybody is shown well.
    """
    left_bps = float(budget_bps)
    given: list[_Option | None] = []
    options = [_options(wish) for wish in wishes]
    for possible in options:
        least = possible[0] if possible and possible[0].needs_bps <= left_bps else None
        given.append(least)
        left_bps -= least.bps if least is not None else 0
    for index, possible in enumerate(options):
        least = given[index]
        if least is None:
            continue
        for option in reversed(possible):
            if option.needs_bps - least.bps <= left_bps:
                given[index] = option
                left_bps -= option.bps - least.bps
                break
    return [option.choice if option is not None else None for option in given]


def _options(wish: Wish) -> list[_Option]:
    """From the least to the best."""
    sending = active(wish.layers)
    rids = [layer.rid for layer in wish.layers]
    present = wish.present
    flowing = (rids.index(present.rid), present.highest_tid) if present and present.rid in rids else (-1, 0)
    options: list[_Option] = []
    for layer in sending if wish.quality == "high" else sending[:1]:
        fewest = 0 if layer is sending[0] else max(0, len(layer.thinner_bps) - 1)
        rates = {**dict(enumerate(layer.thinner_bps)), EVERY_TID: layer.bitrate_bps}
        for tid, bps in rates.items():
            if tid >= fewest:
                flows = (rids.index(layer.rid), tid) <= flowing
                options.append(_Option(Choice(layer.rid, tid), bps, bps if flows else bps * _ROOM_TO_RISE))
    return options


def awake(layers: Sequence[Layer]) -> list[Layer]:
    """The same as if all that ever sent did so now: what could be had, at the rates it usually has."""
    latest_ms = max((layer.seen_ms for layer in layers), default=0)
    return [Layer(layer.rid, layer.bitrate_bps, latest_ms, layer.thinner_bps) for layer in layers if layer.seen_ms]


def rate_of(layers: Sequence[Layer], quality: str) -> int:
    """The bits per second of the layer that `choose` gives without a budget."""
    rid = choose(layers, quality)
    return next((layer.bitrate_bps for layer in layers if layer.rid == rid), 0)


def active(layers: Sequence[Layer]) -> list[Layer]:
    """Those that send, lowest first; if the sender is silent, those that sent last."""
    latest_ms = max((layer.seen_ms for layer in layers), default=0)
    if latest_ms == 0:
        return []
    return [layer for layer in layers if layer.seen_ms and latest_ms - layer.seen_ms <= PAUSED_MS]
