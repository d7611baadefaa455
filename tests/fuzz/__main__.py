"""Coverage-guided fuzzing with atheris, one process a target:  make fuzz ARGS="--seconds 60 stun rtcp"

What breaks a target is kept in finds/, where the unit tests run it from then on. The corpus grows in .fuzz/.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import FINDS, TARGETS

CORPUS = Path(".fuzz")
_LONGEST_INPUT_SECONDS = 5
_MOST_MEMORY_MB = 2048
_LAST_LINES = 12


def fuzz(name: str, seconds: int) -> bool:
    """Run one target for so long; False if it broke."""
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds():
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    crash = CORPUS / f"{name}.crash"
    crash.unlink(missing_ok=True)
    limits = (f"-max_total_time={seconds}", f"-timeout={_LONGEST_INPUT_SECONDS}", f"-rss_limit_mb={_MOST_MEMORY_MB}")
    command = (sys.executable, "-m", "tests.fuzz.child", name, str(corpus), *limits, f"-exact_artifact_path={crash}")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    print(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    if done.returncode == 0:
        return True
    print(done.stdout, *done.stderr.splitlines()[-_LAST_LINES:], sep="\n", file=sys.stderr)
    if crash.exists():
        find = FINDS / name / hashlib.sha1(crash.read_bytes(), usedforsecurity=False).hexdigest()[:12]
        find.parent.mkdir(parents=True, exist_ok=True)
        find.write_bytes(crash.read_bytes())
        print(f"{name}: broken by {find}", file=sys.stderr)
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Give the parsers bytes that reach new code.")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all of them unless named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments = parser.parse_args()
    held = [fuzz(name, arguments.seconds) for name in arguments.targets or TARGETS]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
