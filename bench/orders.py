"""Programs that are told what to do in JSON lines, one answer a line; a helper process of a bench is one of them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable


def obey(doer: object, look: Callable[[], bool]) -> None:
    """Call the method that each order names as "do", until input ends. `look` says if there is any, and may do more."""
    pending = b""
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    while True:
        if look():
            arrived = os.read(0, 1 << 20)
            if not arrived:
                return
            pending += arrived
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            order = json.loads(line)
            answer = getattr(doer, order.pop("do"))(**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
