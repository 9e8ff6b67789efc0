"""A saved page, whatever product's file it is in."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

ITEMS_MAX = 50_000
"""Saved pages in a file; it is refused if it has more."""
ITEM_BYTES_MAX = 65_536
FOLDERS_MAX = 100
"""How deep folders may be nested."""

# What is not visible: controls, and those that show text in another order. Postgres stores no NUL.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SCRIPT = re.compile(r"(?:javascript|data|vbscript):", re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)


class NotRead(ValueError):
    """The file is refused as a whole; the message says why."""


class Saved(Struct, frozen=True):
    """A page: its address, and what its user wrote beside it. `folder` is the path of folders from
    the outermost, `tool` a tool's slug in files of `votes`, `added_at` in UTC."""

    url: str
    title: str = ""
    folder: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    note: str = ""
    added_at: datetime | None = None
    tool: str | None = None

    @property
    def order(self) -> tuple[Any, ...]:
        """The place in a written file. Parts of a second come last, as HTML has none."""
        seconds = self.added_at.timestamp() if self.added_at is not None else 0
        texts = self.url, self.folder, self.title, self.tags, self.note, self.tool or ""
        return int(seconds), *texts, seconds


class Unread(Struct, frozen=True):
    """What cannot be taken from a file: which one of its entries, from 1, and why."""

    entry: int
    reason: str


class File(Struct, frozen=True):
    """What is in a file."""

    saved: list[Saved]
    unread: list[Unread]


def collect(found: Iterable[Saved]) -> File:
    """The pages in their form for storing, each once. Raises `NotRead` for too many."""
    saved: dict[Saved, None] = {}
    unread = []
    for number, raw in enumerate(found, 1):
        if number > ITEMS_MAX:
            raise NotRead(f"The file has more than {ITEMS_MAX:,} entries: split it.")
        page = tidy(raw)
        reason = _refused(page)
        if reason is None:
            saved[page] = None
        else:
            unread.append(Unread(number, reason))
    return File(list(saved), unread)


def tidy(page: Saved) -> Saved:
    """The page without white space at the ends of its texts and without invisible characters,
    each tag once."""
    tags = dict.fromkeys(filter(None, map(line, page.tags)))
    return Saved(
        re.sub(r"\s+", "", visible(page.url)) if _WEB.match(page.url) else line(page.url),
        line(page.title),
        tuple(filter(None, map(line, page.folder))),
        tuple(tags),
        visible(page.note.replace("\r\n", "\n").replace("\r", "\n")).strip(),
        page.added_at,
        page.tool,
    )


def visible(text: str) -> str:
    return _INVISIBLE.sub("", text)


def line(text: str) -> str:
    """The text in one line, without invisible characters."""
    return " ".join(visible(text.replace("\r", " ")).split())


def is_web(url: str) -> bool:
    """Whether the address may be made a link: one of the web, and no script."""
    return _WEB.match(url) is not None


def _refused(page: Saved) -> str | None:
    if not page.url:
        return "It has no address."
    if _SCRIPT.match(page.url):
        return "A script is no page."
    size = sum(map(len, (page.url, page.title, page.note, *page.folder, *page.tags)))
    if size * 4 > ITEM_BYTES_MAX and _bytes(page) > ITEM_BYTES_MAX:
        return f"It has more than {ITEM_BYTES_MAX:,} bytes."
    return None


def _bytes(page: Saved) -> int:
    texts = (page.url, page.title, page.note, *page.folder, *page.tags)
    return sum(len(text.encode()) for text in texts)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
