"""Schemas as other people's tools read them: msgspec's and Litestar's are right for Python."""

from inspect import cleandoc
from typing import Any

_LONE_SURROGATES = r"\ud800-\udfff"


def portable(schema: Any) -> Any:
    """The same schema, or list or mapping of schemas, in words that every tool knows.

    - Before 3.13 Python keeps the indentation of docstrings.
    - Python's `\\A` and `\\Z` are letters to JavaScript. UTF-8 has no lone surrogates, and a
      pattern that names them refuses an emoji wherever text is UTF-16.
    - Generators want an enum's type, and a pair as a list of two: few know `prefixItems`.
    """
    if isinstance(schema, list | tuple):
        return [portable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: portable(value) for name, value in schema.items()}
    match result:
        case {"pattern": str(pattern)}:
            pattern = pattern.replace(r"\A", "^").replace(r"\Z", "$")
            result["pattern"] = pattern.replace(_LONE_SURROGATES, "")
        case {"enum": [*values]} if all(isinstance(one, str) for one in values):
            result["type"] = "string"
        case {"prefixItems": [first, *others]} if all(one == first for one in others):
            del result["prefixItems"]
            result["items"] = first
    if isinstance(result.get("description"), str):
        result["description"] = cleandoc(result["description"])
    return result


def portable_parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter of Litestar's without what goes without saying: an address cannot say null, and
    an integer's bounds are no floats."""
    result = {name: value for name, value in parameter.items() if value is not False}
    schema = {name: value for name, value in result["schema"].items() if name != "description"}
    for one in schema.pop("oneOf", ()):
        if one != {"type": "null"}:
            schema |= one
    if schema.get("type") == "integer":
        schema |= {name: int(schema[name]) for name in ("minimum", "maximum") if name in schema}
    return {**result, "schema": schema}
