"""Property tests try the same examples every time: a red run can be repeated, a green one is not luck."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
