"""The TypeScript types say what the Python ones say."""

from __future__ import annotations

import msgspec
import pytest

from server.http.schema import TYPES_FILE, UNIONS, TypeScript, types


def test_the_generated_types_are_up_to_date() -> None:
    assert TYPES_FILE.read_text() == types(), "run `python -m server.http.schema`"


def test_what_is_read_may_leave_defaults_out_and_what_is_written_never_does() -> None:
    assert "  duration_ms?: number;" in types()
    assert "  closes_at: number;" in types()


def test_every_member_of_a_union_is_declared_and_tagged() -> None:
    text = types()
    for member in msgspec.inspect.multi_type_info(list(UNIONS.values())):
        assert isinstance(member, msgspec.inspect.UnionType)
        for shape in member.types:
            assert isinstance(shape, msgspec.inspect.StructType)
            assert f'export interface {shape.cls.__name__} {{\n  type: "{shape.tag}";' in text


def test_two_types_of_one_name_are_an_error_and_not_a_coin_toss() -> None:
    def shape(field: str) -> type[msgspec.Struct]:
        return msgspec.defstruct("Same", [(field, str)])

    script = TypeScript({})
    script.add(shape("one"))
    with pytest.raises(ValueError, match="two types called Same"):
        script.add(shape("other"))
