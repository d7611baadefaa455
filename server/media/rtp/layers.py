"""Which simulcast layer of a camera a viewer gets.

Layers are listed lowest first, as their rids are offered. A layer can fall silent at any time (the sender's CPU or
uplink gives out, or its tile is unwatched); what is silent is never chosen while another one sends.

Not here: what rate a viewer has (bandwidth.py) and the wait for a keyframe (rewrite.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

PAUSED_MS = 500
"""A layer is paused if another one has been seen this much later; if all are silent it is the sender who is."""

QUALITIES = ("high", "low")
"""What can be wished for."""


class Layer(Struct, frozen=True):
    """One layer: its rid ("" without simulcast), its present rate and when its last packet came, 0 for never."""

    rid: str
    bitrate_bps: int
    seen_ms: int


_ROOM_TO_RISE = 1.15
"""A step up needs this much more room than its rate, a stay does not: rates wobble, and every step costs a keyframe."""


class Wish(Struct, frozen=True):
    """A picture a viewer is to get: its layers, the quality, and the rid that flows now, None for nothing."""

    layers: Sequence[Layer]
    quality: str
    present: str | None = None


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


def allocate(wishes: Sequence[Wish], budget_bps: int) -> list[str | None]:
    """The rid for each wish, most important first, so that all fit a budget; None where nothing does.

    Everybody is shown small before anybody is shown large.
    """
    left_bps = float(budget_bps)
    given: list[Layer | None] = []
    for wish in wishes:
        lowest = next(iter(active(wish.layers)), None)
        if lowest is not None and _needs_bps(lowest, wish) > left_bps:
            lowest = None
        given.append(lowest)
        left_bps -= lowest.bitrate_bps if lowest is not None else 0
    for index, wish in enumerate(wishes):
        low = given[index]
        if low is None or wish.quality != "high":
            continue
        for layer in reversed(active(wish.layers)):
            if _needs_bps(layer, wish) - low.bitrate_bps <= left_bps:
                given[index] = layer
                left_bps -= layer.bitrate_bps - low.bitrate_bps
                break
    return [layer.rid if layer is not None else None for layer in given]


def _needs_bps(layer: Layer, wish: Wish) -> float:
    """A layer that flows, or one below it, needs its rate; one above needs room to spare."""
    rids = [one.rid for one in wish.layers]
    flows = wish.present in rids and rids.index(layer.rid) <= rids.index(wish.present)
    return layer.bitrate_bps if flows else layer.bitrate_bps * _ROOM_TO_RISE


def awake(layers: Sequence[Layer]) -> list[Layer]:
    """The same as if all that ever sent did so now: what could be had, at the rates it usually has."""
    latest_ms = max((layer.seen_ms for layer in layers), default=0)
    return [Layer(layer.rid, layer.bitrate_bps, latest_ms) for layer in layers if layer.seen_ms]


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
