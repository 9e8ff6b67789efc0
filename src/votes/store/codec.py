"""Events to rows and back.

A stored event is a type's name, the number of its schema and JSON. Where an event's fields change,
its number goes up and an upcast from the number before is added: decoding applies upcasts one
after another, so code above only ever sees today's events. A type or number that this release
does not know becomes `Unknown`; it is never skipped here.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from votes.domain.events import EVENT_TYPES, Unknown

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

SCHEMAS: Mapping[str, int] = {}
"""The number of an event's schema, where it is not 1."""

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""By (type, number): what makes of an event's fields those of the next number."""


class Codec:
    """Encodes and decodes the events of the types given."""

    def __init__(
        self,
        types: tuple[type[Struct], ...] = EVENT_TYPES,
        schemas: Mapping[str, int] = SCHEMAS,
        upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS,
    ) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._types = {kind.__name__: kind for kind in types}
        self._schemas = {name: schemas.get(name, 1) for name in self._types}
        self._upcasts = upcasts
        self._decode = {
            name: msgspec.json.Decoder(kind).decode for name, kind in self._types.items()
        }

    def encode(self, event: Struct) -> tuple[str, int, str]:
        """The event as (type, schema, data)."""
        name = type(event).__name__
        return name, self._schemas[name], self._encode(event).decode()

    def readable(self, kind: str) -> bool:
        """Whether events of the kind `type/schema` can be decoded."""
        name, _, schema = kind.rpartition("/")
        return int(schema) <= self._schemas.get(name, 0)

    def decode(self, name: str, schema: int, data: str) -> Any:
        """The event of a row; `Unknown` for a type or schema of a newer release."""
        newest = self._schemas.get(name)
        if schema == newest:
            return self._decode[name](data)
        fields = msgspec.json.decode(data)
        if newest is None or schema > newest:
            return Unknown(name, schema, fields)
        for number in range(schema, newest):
            fields = self._upcasts[name, number](fields)
        return msgspec.convert(fields, self._types[name])
