"""The TypeScript types of everything that goes over the wire, written from the Python ones: one truth, two languages.

`python -m server.http.schema` writes web/src/generated/types.ts; a test fails while that file is out of date. What the
server writes has all its fields; in what it reads, a field with a default may be left out.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as shapes

from server.http import wire
from server.live.pulses import Pulse
from server.rooms.kernel import Event
from server.rooms.messages import AnyEvent
from server.rooms.room import Classroom

TYPES_FILE = Path(__file__).parents[2] / "web" / "src" / "generated" / "types.ts"

UNIONS: Mapping[str, Any] = {
    "Event": AnyEvent,
    "Command": wire.ParticipantCommand,
    "Pulse": Pulse,
    "ClientMessage": wire.ClientMessage,
    "ServerMessage": wire.ServerMessage,
}
"""The closed unions by the name they get; all other types are found from here and from the state."""

HEADER = """\
// Written by `python -m server.http.schema` from the Python types; do not edit.
// Instants are milliseconds since the Unix epoch; an instant of 0 means "never".
"""


class TypeScript:
    """Collects the declarations that the described types need, each once, in the order they are met."""

    def __init__(self, unions: Mapping[str, Any]) -> None:
        self._declared: dict[str, str] = {}
        self._origins: dict[str, type] = {}
        self._unions = {frozenset(_members(union)): name for name, union in unions.items()}
        for name, union in unions.items():
            self._declared[name] = ""  # holds its place: a member may refer to the union
            members = " | ".join(self._named(member) for member in shapes.type_info(union).types)  # type: ignore[attr-defined]
            self._declared[name] = f"export type {name} = {members};\n"

    def add(self, struct: type[msgspec.Struct]) -> None:
        self._named(shapes.type_info(struct))

    def text(self) -> str:
        return HEADER + "\n" + "\n".join(self._declared.values())

    def _named(self, shape: shapes.Type) -> str:
        match shape:
            case shapes.StructType(cls=cls) if cls is Event:
                return "Event"
            case shapes.StructType(cls=cls):
                return self._declare(cls, lambda: self._interface(shape))
            case shapes.EnumType(cls=cls):
                return self._declare(cls, lambda: _enumeration(cls))
            case shapes.UnionType(types=types):
                return self._union(types)
            case shapes.DictType(value_type=value):
                return f"Record<string, {self._named(value)}>"
            case shapes.VarTupleType(item_type=item) | shapes.ListType(item_type=item):
                named = self._named(item)
                return f"({named})[]" if "|" in named else f"{named}[]"
            case shapes.TupleType(item_types=items):
                return f"[{', '.join(self._named(item) for item in items)}]"
            case shapes.LiteralType(values=values):
                return " | ".join(json.dumps(value) for value in values)
            case shapes.StrType():
                return "string"
            case shapes.IntType() | shapes.FloatType():
                return "number"
            case shapes.BoolType():
                return "boolean"
            case shapes.NoneType():
                return "null"
            case _:
                raise ValueError(f"no TypeScript for {shape!r}")

    def _union(self, types: tuple[shapes.Type, ...]) -> str:
        structs = frozenset(shape.cls for shape in types if isinstance(shape, shapes.StructType))
        rest = [self._named(shape) for shape in types if not isinstance(shape, shapes.StructType)]
        known = self._unions.get(structs)
        if known is not None:
            return " | ".join([known, *rest])
        return " | ".join(self._named(shape) for shape in types)

    def _declare(self, cls: type, write: Any) -> str:
        name = cls.__name__
        if self._origins.setdefault(name, cls) is not cls:
            raise ValueError(f"two types called {name}: {cls!r} and {self._origins[name]!r}")
        if name not in self._declared:
            self._declared[name] = ""
            self._declared[name] = _comment(cls) + write()
        return name

    def _interface(self, shape: shapes.StructType) -> str:
        lines = [f"export interface {shape.cls.__name__} {{"]
        if shape.tag is not None:
            lines.append(f"  {shape.tag_field}: {json.dumps(shape.tag)};")
        for field in shape.fields:
            optional = "?" if shape.forbid_unknown_fields and not field.required else ""
            lines.append(f"  {field.encode_name}{optional}: {self._named(field.type)};")
        return "\n".join([*lines, "}", ""])


def _members(union: Any) -> tuple[type, ...]:
    return tuple(shape.cls for shape in shapes.type_info(union).types)  # type: ignore[attr-defined]


def _enumeration(cls: type[Enum]) -> str:
    return f"export type {cls.__name__} = {' | '.join(json.dumps(member.value) for member in cls)};\n"


def _comment(cls: type) -> str:
    # Without a docstring of its own a class would inherit its parent's.
    words = inspect.cleandoc(cls.__doc__) if cls.__doc__ and "__doc__" in vars(cls) else ""
    if not words:
        return ""
    lines = words.splitlines()
    if len(lines) == 1:
        return f"/** {words} */\n"
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */", ""])


def types() -> str:
    """All of web/src/generated/types.ts."""
    script = TypeScript(UNIONS)
    script.add(Classroom)
    return script.text()


if __name__ == "__main__":
    TYPES_FILE.parent.mkdir(parents=True, exist_ok=True)
    TYPES_FILE.write_text(types())
