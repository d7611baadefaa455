"""What people type, checked: neither empty, nor too long, nor able to disturb the page or the log it ends up in.

Refused are control characters (they broke chats and names elsewhere: CVE-2020-28954), lone surrogates (not UTF-8) and
the bidirectional overrides that make one text look like another. Escaping is *not* here: text stays text, and
whoever shows it shows it as text.
"""

from __future__ import annotations

import re

from server.rooms.kernel import Refused

_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_LINE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")

NAME_LENGTH = 100


def require_text(text: str, what: str, longest: int) -> None:
    """Raises Refused "{what}.empty", ".too-long" or ".control-characters". Newlines and tabs are welcome."""
    _require(text, what, longest, _LINES)


def require_name(name: str, what: str, longest: int = NAME_LENGTH) -> None:
    """As `require_text`, on one line."""
    _require(name, what, longest, _LINE)


def _require(text: str, what: str, longest: int, unwanted: re.Pattern[str]) -> None:
    if not text.strip():
        raise Refused(f"{what}.empty")
    if len(text) > longest:
        raise Refused(f"{what}.too-long")
    if unwanted.search(text):
        raise Refused(f"{what}.control-characters")
