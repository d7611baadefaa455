"""The REST interface as an OpenAPI 3.1 document, read off the endpoints and the types they take and give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from server.http.endpoint import PATTERNS, Access, Endpoint
from server.http.errors import ErrorBody

_REFERENCE = "#/components/schemas/{name}"


def document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    types = [kind for endpoint in endpoints for kind in (endpoint.takes, endpoint.gives) if _typed(kind)]
    schemas, components = msgspec.json.schema_components([*types, ErrorBody], ref_template=_REFERENCE)
    by_type = dict(zip(map(_key, [*types, ErrorBody]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bichron",
            "version": version,
            "description": "Classes and their recordings. The live connection is described in docs/protocol.md.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "keys/api.key in the data directory"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "bichron-*", "description": "after /enter?key=…"},
            },
        },
    }


def _operation(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.handle.__module__.rsplit(".", 1)[1] + "." + endpoint.handle.__name__,
        "summary": endpoint.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": PATTERNS[name]}}
            for name in re.findall(r"{(\w+)}", endpoint.path)
        ],
        "security": [{"apiKey": []}, {"cookie": []}] + ([{}] if endpoint.access is Access.ANYONE else []),
        "responses": {
            str(endpoint.status if endpoint.gives is not None else 204): _answer(endpoint, by_type),
            "default": {
                "description": "One shape for every error",
                "content": {"application/json": {"schema": by_type[_key(ErrorBody)]}},
            },
        },
    }
    if endpoint.takes is not None:
        schema = by_type[_key(endpoint.takes)]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _answer(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": endpoint.summary}
    if isinstance(endpoint.gives, str):
        answer["content"] = {endpoint.gives: {}}
    elif endpoint.gives is not None:
        answer["content"] = {"application/json": {"schema": by_type[_key(endpoint.gives)]}}
    return answer


def _typed(kind: Any) -> bool:
    """Neither absent nor only the name of a media type."""
    return kind is not None and not isinstance(kind, str)


def _key(kind: Any) -> str:
    return repr(kind)
