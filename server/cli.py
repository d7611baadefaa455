"""The command line: `bichron serve`, `demo`, `doctor`, `verify ID`. What each does is elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from server import config
from server.config import BadSetting, Config

USAGE_ERROR = 2
"""What argparse itself exits with."""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="bichron", description="A virtual classroom server.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve classes until stopped (Ctrl-C)")
    config.add_flags(serve)
    demo = commands.add_parser("demo", help="run a scripted class with synthetic participants, and check it")
    demo.add_argument("--keep", action="store_true", help="go on serving, so that the recording can be watched")
    doctor = commands.add_parser("doctor", help="check this machine and say what to do about what is missing")
    config.add_flags(doctor)
    verify = commands.add_parser("verify", help="check that a recording is whole")
    verify.add_argument("id", metavar="ID", help="the recording, as in the address of its page")
    config.add_flags(verify)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 it did not work, 2 the arguments make no sense."""
    arguments = parser().parse_args(argv)
    try:
        match arguments.command:
            case "serve":
                return _serve(_settings(arguments))
            case "demo":
                return _demo(arguments.keep)
            case "doctor":
                return _doctor(_settings(arguments))
            case _:
                return _verify(_settings(arguments), arguments.id)
    except BadSetting as wrong:
        print(f"bichron: {wrong}", file=sys.stderr)
        return USAGE_ERROR


def _settings(arguments: argparse.Namespace) -> Config:
    return config.from_arguments(arguments, os.environ)


def _serve(settings: Config) -> int:
    from server import app, observe

    observe.log_to_stderr(settings.log_level)
    try:
        return asyncio.run(app.serve(settings))
    except app.CannotStart as reason:
        print(f"bichron: {reason}\nbichron doctor checks this machine and says what to do.", file=sys.stderr)
        return 1


def _demo(keep: bool) -> int:
    from server import demo

    return demo.main(keep=keep)


def _doctor(settings: Config) -> int:
    from server import doctor

    return doctor.main(settings)


def _verify(settings: Config, recording_id: str) -> int:
    from recordings import verify

    try:
        faults = verify.verify(settings.data / "recordings", recording_id)
    except KeyError:
        print(f"bichron: there is no recording {recording_id} under {settings.data}", file=sys.stderr)
        return 1
    for fault in faults:
        print(fault)
    print("damaged" if faults else "whole")
    return 1 if faults else 0
