"""Bookmarks as a table (CSV): of Raindrop, Pocket, Instapaper, Omnivore and `votes`."""

import csv
import io
from collections.abc import Iterable, Iterator

from votes.formats.labels import read_folder, read_tags, write_folder, write_tags
from votes.formats.saved import NotRead, Saved
from votes.formats.times import moment

COLUMNS = ("url", "title", "folder", "tags", "note", "added_at", "tool")
_NAMES = {
    "url": ("url", "link", "href", "address", "uri", "given_url", "resolved_url"),
    "title": ("title", "name"),
    "folder": ("folder", "collection"),
    "tags": ("tags", "labels", "tag"),
    "note": ("note", "notes", "selection", "comment", "description"),
    "added_at": (
        *("added_at", "created", "time_added", "timestamp", "saved_at", "savedat"),
        *("created_at", "createdat", "date_added", "add_date", "added", "time", "date"),
    ),
    "tool": ("tool",),
}
"""The names of each column, whether in small or large letters, with `_` or a space."""
_DELIMITERS = ",;\t"
HEADER_LENGTH_MAX = 65_536
csv.field_size_limit(2**31 - 1)  # the file has a limit; a long cell is one entry that is left out


def read(text: str) -> Iterator[Saved]:
    """The pages in order. Raises `NotRead`."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        header = [name.strip().lower().replace(" ", "_") for name in next(rows, [])]
        places = {
            column: [header.index(name) for name in names if name in header]
            for column, names in _NAMES.items()
        }
        if not places["url"]:
            raise NotRead("The table has no column `url`.")
        for row in rows:
            if row:
                yield _saved(row, places)
    except csv.Error as error:
        raise NotRead(f"The table cannot be read: {error}.") from error


def _delimiter(text: str) -> str:
    header, _, _ = text[:HEADER_LENGTH_MAX].lstrip().partition("\n")
    return max(_DELIMITERS, key=header.count)


def _saved(row: list[str], places: dict[str, list[int]]) -> Saved:
    def cell(column: str) -> str:
        cells = (row[place] for place in places[column] if place < len(row))
        return next((text for text in cells if text.strip()), "")

    return Saved(
        cell("url"),
        cell("title"),
        read_folder(cell("folder")),
        read_tags(cell("tags")),
        cell("note"),
        moment(cell("added_at")),
        cell("tool") or None,
    )


def write(pages: Iterable[Saved]) -> Iterator[str]:
    """The file, in pieces."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for page in pages:
        at = page.added_at.isoformat() if page.added_at is not None else ""
        folder, tags = write_folder(page.folder), write_tags(page.tags)
        writer.writerow((page.url, page.title, folder, tags, page.note, at, page.tool or ""))
        yield file.getvalue()
        file.seek(0)
        file.truncate()
    yield file.getvalue()
