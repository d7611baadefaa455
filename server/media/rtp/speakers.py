"""Who is heard in a circle: the loudest few, by the levels the senders declare (RFC 6464).

Loudness rises fast and falls slowly, so that a word is heard from its start and a breath costs nobody the place. A
place changes hands only if its owner is quiet or clearly drowned out: every change may clip a syllable.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import exp
from typing import Generic, TypeVar

from msgspec import Struct

Name = TypeVar("Name", bound=Hashable)

SILENCE = 127
SPEECH_DB = 60
"""Louder than -60 dBov counts as speech; a suppressed room is below -70."""

MARGIN_DB = 6.0
"""A challenger must be twice as loud (in amplitude) as one who speaks."""

HOLD_MS = 500
"""Quiet for less than this is a pause for breath."""

STAY_MS = 1000
"""Whoever has got a place keeps it this long against those who speak louder."""

_RISE_MS = 40.0
_FALL_MS = 400.0
_LONGEST_STEP_MS = 400
"""With DTX a silent sender's packets are this far apart."""


class Voice(Struct):
    """What is known of one sender. `loudness` is smoothed, 127 the loudest, 0 silence."""

    loudness: float
    heard_ms: int
    spoke_ms: int
    since_ms: int = 0


class Floor(Struct, Generic[Name], frozen=True):
    """`heard` are those who get an audio slot: whoever stays keeps his index. `speaker` leads, None before anyone
    spoke; he leads through a silence until another speaks.
    """

    heard: tuple[Name, ...]
    speaker: Name | None


class Loudest(Generic[Name]):
    """Chooses up to `places` of the senders of one circle, the same for every listener: whoever is heard has a slot
    to spare for want of his own voice. Times are milliseconds of any one clock.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._voices: dict[Name, Voice] = {}
        self._heard: list[Name] = []
        self._speaker: Name | None = None
        self._challenger: Name | None = None
        self._challenged_ms = 0

    def level(self, who: Name, level: int, now_ms: int) -> None:
        """Note one packet's level in -dBov: 0 is the loudest, 127 silence. A new name joins the circle."""
        loudness = float(SILENCE - min(max(level, 0), SILENCE))
        voice = self._voices.get(who)
        if voice is None:
            voice = self._voices[who] = Voice(0.0, now_ms - 20, now_ms - 10 * HOLD_MS)
        elapsed_ms = min(max(now_ms - voice.heard_ms, 1), _LONGEST_STEP_MS)
        constant_ms = _RISE_MS if loudness > voice.loudness else _FALL_MS
        voice.loudness += (loudness - voice.loudness) * (1.0 - exp(-elapsed_ms / constant_ms))
        voice.heard_ms = now_ms
        if voice.loudness > SILENCE - SPEECH_DB:
            voice.spoke_ms = now_ms

    def forget(self, who: Name) -> None:
        """The sender left or was muted; the place is free at once."""
        self._voices.pop(who, None)
        if who in self._heard:
            self._heard.remove(who)
        if self._speaker == who:
            self._speaker = None

    def levels(self, now_ms: int) -> Mapping[Name, int]:
        """The smoothed loudness of those who have a place, in -dBov."""
        return {who: SILENCE - round(self._loudness(who, now_ms)) for who in self._heard}

    def choose(self, now_ms: int) -> Floor[Name]:
        """Who is heard from now on. Call it a few times a second, or with every level."""
        self._fill(now_ms)
        waiting = [who for who in self._voices if who not in self._heard and self._speaks(who, now_ms)]
        for who in sorted(waiting, key=lambda name: -self._loudness(name, now_ms)):
            index = self._weakest(now_ms)
            if index is None or not self._yields(self._heard[index], who, now_ms):
                break
            self._heard[index] = who
            self._voices[who].since_ms = now_ms
        self._lead(now_ms)
        return Floor(tuple(self._heard), self._speaker)

    def _fill(self, now_ms: int) -> None:
        if len(self._heard) >= self._places or len(self._heard) == len(self._voices):
            return
        rest = [who for who in self._voices if who not in self._heard]
        for who in sorted(rest, key=lambda name: -self._loudness(name, now_ms)):
            if len(self._heard) < self._places:
                self._heard.append(who)
                self._voices[who].since_ms = now_ms

    def _weakest(self, now_ms: int) -> int | None:
        if not self._heard:
            return None
        return min(
            range(len(self._heard)),
            key=lambda index: (self._speaks(self._heard[index], now_ms), self._loudness(self._heard[index], now_ms)),
        )

    def _yields(self, owner: Name, challenger: Name, now_ms: int) -> bool:
        if not self._speaks(owner, now_ms):
            return True
        if now_ms - self._voices[owner].since_ms < STAY_MS:
            return False
        return self._loudness(challenger, now_ms) >= self._loudness(owner, now_ms) + MARGIN_DB

    def _lead(self, now_ms: int) -> None:
        speaking = [who for who in self._heard if self._speaks(who, now_ms)]
        best = max(speaking, key=lambda name: self._loudness(name, now_ms), default=None)
        leader = self._speaker
        if best is None or best == leader:
            self._challenger = None
        elif leader is None or not self._speaks(leader, now_ms):
            self._speaker, self._challenger = best, None
        elif self._loudness(best, now_ms) < self._loudness(leader, now_ms) + MARGIN_DB:
            self._challenger = None
        elif self._challenger != best:
            self._challenger, self._challenged_ms = best, now_ms
        elif now_ms - self._challenged_ms >= HOLD_MS:
            self._speaker, self._challenger = best, None

    def _speaks(self, who: Name, now_ms: int) -> bool:
        voice = self._voices.get(who)
        return voice is not None and now_ms - voice.spoke_ms < HOLD_MS

    def _loudness(self, who: Name, now_ms: int) -> float:
        """Packets stop when a track is muted or lost; the last level must not stand for ever."""
        voice = self._voices.get(who)
        if voice is None:
            return 0.0
        silent_ms = now_ms - voice.heard_ms - _LONGEST_STEP_MS
        return voice.loudness if silent_ms <= 0 else voice.loudness * exp(-silent_ms / _FALL_MS)
