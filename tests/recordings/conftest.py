from __future__ import annotations

import pytest

from tests.recordings.media import Media, encode_film, encode_sine


@pytest.fixture(scope="session")
def media() -> Media:
    """Made once: encoding is the slow part."""
    return Media(film=encode_film(250), sine=encode_sine(400))
