"""A value held against a JSON Schema of the few words that ours uses."""

from collections.abc import Iterator
from typing import Any

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
WORDS = {
    "$schema", "title", "description", "$defs", "$ref", "type", "const", "enum", "required",
    "properties", "items", "minItems", "maxItems",
}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """Places where the value is not as the schema says, or has a key that it does not name."""
    return list(_problems(value, schema, root, at or "answer"))


def _problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    assert schema.keys() <= WORDS, schema.keys() - WORDS
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    kinds = schema.get("type", list(_TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    is_number = isinstance(value, bool) and "boolean" not in kinds
    if is_number or not any(isinstance(value, _TYPES[kind]) for kind in kinds):
        yield f"{at}: {value!r} is none of {kinds}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at}: {len(value)} items"
        for number, item in enumerate(value):
            yield from _problems(item, schema.get("items", {}), root, f"{at}[{number}]")
    if isinstance(value, dict) and "properties" in schema:
        named = list(schema["properties"])
        yield from (f"{at}: no {key}" for key in schema["required"] if key not in value)
        yield from (f"{at}: {key} is not in the schema" for key in value if key not in named)
        if [key for key in value if key in named] != [key for key in named if key in value]:
            yield f"{at}: its keys are not in the schema's order"
        for key in set(value) & set(named):
            yield from _problems(value[key], schema["properties"][key], root, f"{at}.{key}")
