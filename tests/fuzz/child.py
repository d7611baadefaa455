"""The process that fuzzes one target:  python -m tests.fuzz.child NAME CORPUS LIBFUZZER-OPTIONS..."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["server"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], TARGETS[name].take)
    atheris.Fuzz()
