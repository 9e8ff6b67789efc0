"""Pages of a sorted list, by a cursor that stays right while the list changes."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

LIMIT_DEFAULT = 50
LIMIT_MAX = 100

Item = TypeVar("Item")


class BadCursor(ValueError):
    """The text is not a cursor of this list."""


class Page(Struct, Generic[Item], frozen=True):
    items: list[Item]
    next_cursor: str | None
    total: int


def page(
    keyed: list[tuple[list[Any], Item]], order: str, cursor: str | None, limit: int
) -> Page[Item]:
    """The `limit` items after the cursor, by ascending key; keys are unique lists of scalars.

    Raises `BadCursor` for text that is not a cursor of a list in this `order`.
    """
    keyed.sort(key=lambda pair: pair[0])
    start = _start([key for key, _ in keyed], order, cursor) if cursor else 0
    items = keyed[start : start + limit]
    more = start + limit < len(keyed)
    return Page(
        [item for _, item in items],
        _encode(order, items[-1][0]) if more and items else None,
        len(keyed),
    )


def _start(keys: Sequence[list[Any]], order: str, cursor: str) -> int:
    last = _decode(order, cursor)
    if keys and [type(part) for part in last] != [type(part) for part in keys[0]]:
        raise BadCursor("not a cursor of this list")
    return bisect_right(keys, last)


def _encode(order: str, key: list[Any]) -> str:
    text = msgspec.json.encode([order, *key])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _decode(order: str, cursor: str) -> list[Any]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        list_order, *key = msgspec.json.decode(text, type=list[Any])
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise BadCursor("not a cursor") from error
    if list_order != order:
        raise BadCursor("a cursor of another order")
    return key
