"""Pages of a sorted list, by a cursor that stays right while the list changes."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import nsmallest
from itertools import islice
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from votes.engine.reading.orders import Name, Orders, Place

LIMIT_DEFAULT = 50
LIMIT_MAX = 100
WALK_MAX = 2_000
"""So many rows of a kept list are looked at for a page of those that fit: some 2 ms."""
AFTER_ALL = "\U0010ffff"
"""Comes after the key of any row."""

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
    keyed.sort(key=itemgetter(0))
    page = sorted_page(keyed, lambda pair: tuple(pair[0]), order, cursor, limit)
    return Page([item for _, item in page.items], page.next_cursor, page.total)


def sorted_page(
    found: list[Item],
    key: Callable[[Item], Place],
    order: str,
    cursor: str | None,
    limit: int,
) -> Page[Item]:
    """The `limit` items after the cursor, of those sorted by their unique keys.

    Raises `BadCursor` for text that is not a cursor of a list in this `order`.
    """
    start = 0
    if cursor:
        last = tuple(decode_cursor(order, cursor, key(found[0]) if found else None))
        start = bisect_right(found, last, key=key)
    items = found[start : start + limit]
    more = start + limit < len(found)
    return Page(items, encode_cursor(order, key(items[-1])) if more and items else None, len(found))


def picked_page(
    found: Sequence[Item],
    key: Callable[[Item], Place],
    order: str,
    cursor: str | None,
    limit: int,
) -> Page[Item]:
    """As `sorted_page`, of items in any order: only those of the page are sorted.

    Raises `BadCursor`.
    """
    left: Iterable[Item] = found
    if cursor:
        last = tuple(decode_cursor(order, cursor, key(found[0]) if found else None))
        left = (item for item in found if key(item) > last)
    items = nsmallest(limit + 1, left, key=key)
    more = len(items) > limit
    return Page(
        items[:limit], encode_cursor(order, key(items[limit - 1])) if more else None, len(found)
    )


def kept_page(
    orders: Orders[Item, Name],
    names: Collection[Name],
    order: str,
    cursor: str | None,
    limit: int,
) -> Page[Item]:
    """The `limit` rows after the cursor in the kept lists of these names, together.

    A cursor does not tell the key of a row, the last part of its place. Raises `BadCursor` for text
    that is not a cursor of a list in this `order`.
    """
    found = list(islice(orders.places(names, _start(orders, names, order, cursor)), limit + 1))
    return Page(
        [orders.rows[place[-1]] for place in found[:limit]],
        encode_cursor(order, found[limit - 1][:-1]) if len(found) > limit else None,
        orders.count(names),
    )


def walked_page(
    orders: Orders[Item, Name],
    name: Name,
    order: str,
    cursor: str | None,
    limit: int,
    fits: Callable[[Item], bool],
) -> tuple[list[Item], str | None]:
    """The rows of a kept list that fit, after the cursor, and the cursor of what follows.

    Looks at `WALK_MAX` rows at most, so it may return less than `limit` rows, or none, although
    more follow. Raises `BadCursor` as `kept_page` does.
    """
    items: list[Item] = []
    last: Place = ()
    walked = orders.places([name], _start(orders, [name], order, cursor))
    for number, place in enumerate(walked):
        if number == WALK_MAX or len(items) == limit:
            return items, encode_cursor(order, last[:-1])
        last, row = place, orders.rows[place[-1]]
        if fits(row):
            items.append(row)
    return items, None


def _start(
    orders: Orders[Item, Name], names: Collection[Name], order: str, cursor: str | None
) -> Place:
    """The place after which a page of the kept lists begins. Raises `BadCursor`."""
    if not cursor:
        return ()
    first = next(orders.places(names), None)
    last = decode_cursor(order, cursor, first[:-1] if first is not None else None)
    return (*last, AFTER_ALL)


def encode_cursor(order: str, key: Iterable[Any]) -> str:
    """A cursor after the key, of a list in this order."""
    text = msgspec.json.encode([order, *key])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode_cursor(order: str, cursor: str, like: Iterable[Any] | None) -> list[Any]:
    """The key in the cursor; its parts have the types of those of `like`, where there is one.

    Raises `BadCursor`.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        list_order, *key = msgspec.json.decode(text, type=list[Any])
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise BadCursor("not a cursor") from error
    if list_order != order:
        raise BadCursor("a cursor of another order")
    if like is not None and [type(part) for part in key] != [type(part) for part in like]:
        raise BadCursor("not a cursor of this list")
    return key
