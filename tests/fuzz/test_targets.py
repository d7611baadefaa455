"""The fuzzing targets without a fuzzer: their seeds, what once broke them, and mutations of both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import world
from tests.fuzz.targets import TARGETS, finds

SEEDS = {name: [*target.seeds(), *finds(name)] for name, target in TARGETS.items()}
NAMES = [pytest.param(name, marks=pytest.mark.media) if name == "port" else name for name in TARGETS]


@pytest.fixture(autouse=True, scope="module")
def _a_world_ends_with_its_tests() -> Iterator[None]:
    yield
    world.end()


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_finds_break_nothing(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name].take(seed)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_mutations_of_them_break_nothing(name: str, data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(SEEDS[name])))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(seed) - 1), st.integers(0, 255)), max_size=4)):
        seed[at] = value
    cut = data.draw(st.integers(0, len(seed)))
    TARGETS[name].take(bytes(seed[:cut]) + data.draw(st.binary(max_size=20)) + bytes(seed[cut:]))
