"""Events to rows and back.

A stored event is the name of its type, the number of its schema, and JSON. When an event's fields
change, its number goes up and an upcast from the previous number is added. Decoding applies the
upcasts one after another, so the code above sees events of the newest schema only. A type or number
that this release does not know, or data that does not decode, becomes `Unreadable`: reading the log
never fails on an event, and skips none.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from votes.domain.events import EVENT_TYPES
from votes.engine.log import Unreadable, reason_of

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

SCHEMAS: Mapping[str, int] = {}
"""The schema number of a type of event, where it is not 1."""

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""By (type, number): turns the fields of that schema into those of the next."""

SHORT = 200
REMEMBERED_MAX = 4_096
"""How many events are kept by their data, of at most `SHORT` characters each."""


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
        self._decode_short = lru_cache(REMEMBERED_MAX)(self._decoded)
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
        """The event of a row; `Unreadable` where this release cannot read it.

        Most votes are one of few texts, so events of short ones are kept: they never change.
        """
        return (self._decode_short if len(data) <= SHORT else self._decoded)(name, schema, data)

    def decode_all(self, rows: Iterable[tuple[str, int, str | None]]) -> list[Any]:
        """The events of rows, one object for equal ones; None for one without data."""
        return list(map(_Decoded(self._decoded).__getitem__, rows))

    def _decoded(self, name: str, schema: int, data: str) -> Any:
        newest = self._schemas.get(name)
        if newest is None or schema > newest:
            return Unreadable(name, schema, "this release has no such type or schema")
        try:
            if schema == newest:
                return self._decode[name](data)
            return self._upcast(name, schema, newest, data)
        except Exception as error:  # noqa: BLE001 - the events after it must stay readable
            return Unreadable(name, schema, reason_of(error))

    def _upcast(self, name: str, schema: int, newest: int, data: str) -> Any:
        fields = msgspec.json.decode(data)
        for number in range(schema, newest):
            fields = self._upcasts[name, number](fields)
        return msgspec.convert(fields, self._types[name])


class _Decoded(dict[tuple[str, int, str | None], Any]):
    """Events by type, schema and data, each decoded once."""

    def __init__(self, decode: Callable[[str, int, str], Any]) -> None:
        super().__init__()
        self._decode = decode

    def __missing__(self, row: tuple[str, int, str | None]) -> Any:
        name, schema, data = row
        event = self[row] = None if data is None else self._decode(name, schema, data)
        return event
