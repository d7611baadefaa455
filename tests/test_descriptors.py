"""Before anything is opened, the process takes the files and sockets it may have."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from server import descriptors


@pytest.fixture
def modest() -> Iterator[int]:
    """A soft limit far below the hard one, as most systems set it; gives the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(900, before[1]), before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_on_open_files_is_raised_to_the_hard_one(modest: int) -> None:
    assert descriptors.allow_all() == modest
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (modest, modest)


def test_a_low_limit_is_said(modest: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(descriptors, "FEW", modest + 1)
    descriptors.allow_all()
    assert f"only {modest} files and sockets" in caplog.text
