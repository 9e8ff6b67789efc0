"""Bookmarks as a table (CSV): of Raindrop, Pocket, Instapaper, Omnivore and `votes`."""

import csv
import io
from collections.abc import Iterable, Iterator

from votes.formats.labels import WIDE, read_folder, read_tags, write_folder, write_tags
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
    """The pages in order. Where a folder of the file is written with ` / `, a `/` alone is part of
    a name in all of them, as in Raindrop's. Raises `NotRead`."""
    try:
        rows = _rows(text)
        header = [name.strip().lower().replace(" ", "_") for name in next(rows, [])]
        places = {
            column: [header.index(name) for name in names if name in header]
            for column, names in _NAMES.items()
        }
        if not places["url"]:
            raise NotRead("The table has no column `url`.")
        folders = places["folder"]
        wide = bool(folders) and any(WIDE in _cell(row, folders) for row in _rows(text))
        for row in rows:
            if row:
                yield _saved(row, places, WIDE if wide else None)
    except csv.Error as error:
        raise NotRead(f"The table cannot be read: {error}.") from error


def _rows(text: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))


def _delimiter(text: str) -> str:
    header, _, _ = text[:HEADER_LENGTH_MAX].lstrip().partition("\n")
    return max(_DELIMITERS, key=header.count)


def _cell(row: list[str], places: list[int]) -> str:
    """The first of the cells that says something."""
    cells = (row[place] for place in places if place < len(row))
    return next((text for text in cells if text.strip()), "")


def _saved(row: list[str], places: dict[str, list[int]], between: str | None) -> Saved:
    said = {column: _cell(row, found) for column, found in places.items()}
    return Saved(
        said["url"],
        said["title"],
        read_folder(said["folder"], between),
        read_tags(said["tags"]),
        said["note"],
        moment(said["added_at"]),
        said["tool"] or None,
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
