"""docs/protocol.md, written from the types that are the protocol by `python -m server.http.protocol`.

A test fails while it is out of date. What the types cannot say (order, resuming, what to do after a goodbye) is the
prose below.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as shapes

from server.http import frames, wire
from server.live.pulses import Pulse
from server.rooms.kernel import Command, Role
from server.rooms.messages import AnyEvent
from server.rooms.permissions import TABLE, Condition, always

FILE = Path(__file__).parents[2] / "docs" / "protocol.md"

PROSE = """\
# The live protocol

<!-- Written by `python -m server.http.protocol`; edit the types, their docstrings or that file instead. -->

One WebSocket for each participant: `GET /api/classes/{{class_id}}/live`, with the `Origin` of the server itself. Every
frame is binary and holds one [msgpack](https://msgpack.org) map with a `type`. The REST interface around it (creating
classes, asking for a join token, reading recordings) is described by the server at `/api/openapi.json`.

## In order

1. `POST /api/classes/{{class_id}}/join` with a name and, but for instructors, the code of an invitation gives a token.
   It is good for one connection, within five minutes, and lost when the server restarts; ask for a new one each time.
2. Open the WebSocket and send `hello` within {hello_s:g} seconds. The answer is `welcome`, or `error` and a close.
3. Without `last_seq`, `welcome` holds a whole view: the class as this participant may see it. From then on every
   `entry` is applied to the view, in order; its numbers grow but have gaps. When what one may see changes (moved to a
   group, promoted), a `view` comes in place of entries and replaces everything.
4. A command carries a `counter` that grows by one with each command of this client. It is answered by `ack`, after what
   it did is on disk, or by `refused`. A command that is sent again with the same counter is done once: after a lost
   connection send again, in order, whatever was not answered.
5. After a loss ask for a new token, say `hello` with the same `client` and with `last_seq`, the number of the last
   entry applied. What was missed follows the `welcome` as entries; when too much was missed, `welcome` holds a view.
   Try first after a random 0 to 1 s, then back off, with jitter, up to 30 s.
6. Media: one WebRTC offer (`media.offer`), one answer, and no SDP after that. `media.slots` says what each receiving
   line carries; it changes as people come, speak and move. Where the network changed under the connection, it may be
   offered again with an ICE restart: the answer then has the session number (`o=`) of the one before, and everything
   goes on. An answer with another number is of a new connection, as is the offer that `media.lost` asks for.
7. `bye` is the last frame. After `slow` and `shutdown` come back as after a loss; the others are final.

## Limits

| What | Limit | Beyond it |
|---|---|---|
| a frame | {max_bytes} bytes | the connection is closed (1009) |
| nesting | {max_depth} levels | `error` |
| items in a frame | {max_items} | `error` |
| extension types, binary, NaN, infinities, a key twice, keys that are not text | none | `error` |
| bad frames | {bad_frames} | `bye` "bad-frames" |
| frames, commands | 100 a second, 10 a second (bursts 400, 40) | read later |
| offers | 5, then one each 5 s | `error` "media.too-many-offers" |
| what waits for a client that does not read | 1 MiB or 10 s | `bye` "slow" |

Nothing is compressed. The server sends WebSocket pings; a client that needs to know the server's clock or whether the
way still stands sends `ping`.

## Close codes

| Code | After |
|---|---|
{close_codes}
"""


def document() -> str:
    """All of docs/protocol.md."""
    head = PROSE.format(
        hello_s=wire.HELLO_WITHIN_S,
        max_bytes=frames.MAX_BYTES,
        max_depth=frames.MAX_DEPTH,
        max_items=frames.MAX_ITEMS,
        bad_frames=wire.BAD_FRAMES_ALLOWED,
        close_codes="\n".join(f"| {code} | {reason} |" for reason, code in sorted(wire.CLOSE_CODES.items(), key=_code)),
    )
    sections = (
        ("From the client", "", wire.ClientMessage),
        ("From the server", "", wire.ServerMessage),
        (
            "Commands",
            "In `command.command`. Who may not is told `not-allowed`; what makes no sense now has a reason of its own.",
            wire.ParticipantCommand,
        ),
        ("Events", "In `entry.events`. A viewer is told what he may see; some arrive with parts left out.", AnyEvent),
        ("Pulses", "In `pulse.pulse`. Relayed to one's room, never stored.", Pulse),
    )
    return head + "".join(_section(title, words, union) for title, words, union in sections)


def _code(item: tuple[str, int]) -> int:
    return item[1]


def _section(title: str, words: str, union: Any) -> str:
    parts = [f"\n## {title}\n", *([words + "\n"] if words else [])]
    parts += [_message(cls) for cls in members(union)]
    return "\n".join(parts)


def members(union: Any) -> list[type[msgspec.Struct]]:
    """The message types of a union, by tag."""
    described = shapes.type_info(union)
    types = described.types if isinstance(described, shapes.UnionType) else (described,)
    found = [shape for shape in types if isinstance(shape, shapes.StructType)]
    return [shape.cls for shape in sorted(found, key=lambda shape: str(shape.tag))]


def _message(cls: type[msgspec.Struct]) -> str:
    shape = shapes.type_info(cls)
    if not isinstance(shape, shapes.StructType):
        raise ValueError(f"{cls!r} is no message")
    said = inspect.cleandoc(cls.__doc__) if "__doc__" in vars(cls) and cls.__doc__ else ""
    lines = [f"### `{shape.tag}`\n", *([" ".join(said.split()) + "\n"] if said else [])]
    if issubclass(cls, Command):
        lines.append(f"May: {_who_may(cls)}.\n")
    notes = field_notes(cls)
    for field in shape.fields:
        default = "" if field.required else f", default {_literal(field.default)}"
        note = f": {notes[field.name]}" if field.name in notes else ""
        lines.append(f"- `{field.encode_name}` ({words_for(field.type)}{default}){note}")
    return "\n".join(lines) + ("\n" if shape.fields else "")


def _who_may(cls: type[Command]) -> str:
    """From the one table that also decides it (rooms/permissions)."""
    rules = {role: rule for role, rule in TABLE[cls].items() if role is not None}
    everyone = "everyone" if set(rules) == set(Role) and len(set(rules.values())) == 1 else ""
    names = everyone or ", ".join(_role(role, rules[role]) for role in Role if role in rules)
    condition = next(iter(rules.values()))
    return names + _if(condition) if everyone else names


def _role(role: Role, condition: Condition) -> str:
    return role.value + _if(condition)


def _if(condition: Condition) -> str:
    return "" if condition is always else f" ({condition.__name__.replace('_', ' ')})"


def _literal(value: object) -> str:
    return f"`{msgspec.json.encode(value).decode()}`"


def field_notes(cls: type[msgspec.Struct]) -> dict[str, str]:
    """The sentence below each field, where there is one; Python throws it away, so it is read from the source."""
    notes: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        if isinstance(parent, type) and issubclass(parent, msgspec.Struct) and parent is not msgspec.Struct:
            notes |= _notes_in(ast.parse(textwrap.dedent(inspect.getsource(parent))).body[0])
    return notes


def _notes_in(definition: ast.stmt) -> dict[str, str]:
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    notes = {}
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            notes[field.target.id] = " ".join(str(below.value.value).split())
    return notes


def words_for(shape: shapes.Type) -> str:
    """A type as a reader of a protocol would put it."""
    match shape:
        case shapes.StrType(max_length=longest, pattern=pattern):
            return "text" + (f" up to {longest}" if longest else "") + (f" matching `{pattern}`" if pattern else "")
        case shapes.IntType(ge=least):
            return "integer" + (f" from {least}" if least is not None else "")
        case shapes.FloatType():
            return "number"
        case shapes.BoolType():
            return "boolean"
        case shapes.NoneType():
            return "null"
        case shapes.EnumType(cls=cls):
            return _one_of(cls)
        case shapes.VarTupleType(item_type=item) | shapes.ListType(item_type=item):
            return f"list of {words_for(item)}"
        case shapes.TupleType(item_types=items):
            return "list (" + ", ".join(words_for(item) for item in items) + ")"
        case shapes.DictType(key_type=key, value_type=value):
            return f"map from {words_for(key)} to {words_for(value)}"
        case shapes.StructType(cls=cls, tag=tag, fields=fields):
            if tag is not None or cls.__name__ in {"Event", "Classroom"}:
                return cls.__name__
            return "{" + ", ".join(f"{field.encode_name}: {words_for(field.type)}" for field in fields) + "}"
        case shapes.UnionType(types=types):
            return _any_of(types)
        case _:
            raise ValueError(f"no words for {shape!r}")


def _one_of(cls: type[Enum]) -> str:
    return "one of " + ", ".join(f'"{member.value}"' for member in cls)


def _any_of(types: Sequence[shapes.Type]) -> str:
    structs = {shape.cls for shape in types if isinstance(shape, shapes.StructType)}
    for name, union in (("a command", wire.ParticipantCommand), ("a pulse", Pulse)):
        if structs == set(members(union)):
            return name
    return " or ".join(words_for(shape) for shape in types)


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"wrote {FILE.name}\n")
