"""Events to rows and back.

A stored event is a type's name, the number of its schema and JSON. Where an event's fields change,
its number goes up and an upcast from the number before is added: decoding applies upcasts one
after another, so code above only ever sees today's events. A type or number that this release
does not know becomes `Unreadable`, and so does whatever else cannot be decoded: reading the log
never fails on what is written there, and skips nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from votes.domain.events import EVENT_TYPES
from votes.engine.log import Unreadable, told

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

    def kind(self, event: Struct) -> tuple[str, int]:
        """The event's (type, schema)."""
        name = type(event).__name__
        return name, self._schemas[name]

    def encode(self, event: Struct) -> tuple[str, int, str]:
        """The event as (type, schema, data)."""
        return *self.kind(event), self._encode(event).decode()

    def decode(self, name: str, schema: int, data: str) -> Any:
        """The event of a row; `Unreadable` where it is none of this release's."""
        newest = self._schemas.get(name)
        if newest is None or schema > newest:
            return Unreadable(name, schema, "no type or schema of this release")
        try:
            if schema == newest:
                return self._decode[name](data)
            return self._lifted(name, schema, newest, data)
        except Exception as error:  # noqa: BLE001 - whatever it says, what follows it can be read
            return Unreadable(name, schema, told(error))

    def _lifted(self, name: str, schema: int, newest: int, data: str) -> Any:
        fields = msgspec.json.decode(data)
        for number in range(schema, newest):
            fields = self._upcasts[name, number](fields)
        return msgspec.convert(fields, self._types[name])
