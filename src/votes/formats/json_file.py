"""Bookmarks as JSON: of linkding, Pinboard, wallabag, Karakeep, Linkwarden, Omnivore and `votes`.

They differ in the names of fields more than in anything else, so one table of names reads them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from votes.formats.labels import read_folder, read_tags
from votes.formats.saved import FOLDERS_MAX, NotRead, Saved
from votes.formats.times import moment

VALUES_MAX = 4_000_000
"""Values in a file: each takes up to 100 bytes of memory when it is read."""
_URL = ("url", "href", "uri", "link", "given_url")
_TITLE = ("title", "name")
_NOTE = ("note", "notes", "extended")
_TAGS = ("tags", "tag_names", "labels")
_TIME = (
    *("added_at", "time", "date_added", "savedAt", "saved_at", "importDate"),
    *("createdAt", "created_at", "created", "time_added"),
)
_LISTS = ("bookmarks", "results", "items", "links")
Record = Mapping[str, Any]


def read(text: str) -> Iterator[Saved]:
    """The pages in order. Raises `NotRead`."""
    if sum(text.count(sign) for sign in ",[{") > VALUES_MAX:
        raise NotRead(f"The file has more than {VALUES_MAX:,} values.")
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotRead(f"This is no JSON: {error}") from error
    for record, folders in _records(found):
        for folder in folders or [_folder(record)]:
            yield _saved(record, folder)


def _records(found: Any) -> Iterator[tuple[Record, list[tuple[str, ...]]]]:
    """The records, each with the paths of the folders that it is in, where they stand elsewhere."""
    if isinstance(found, dict) and isinstance(found.get("collections"), list):  # Linkwarden
        paths = _paths(found["collections"], "parentId")
        for collection in filter(_is_record, found["collections"]):
            for record in _list(collection.get("links")):
                yield record, [paths[_key(collection)]]
    elif isinstance(found, dict):
        lists = _paths(found.get("lists"), "parentId")  # Karakeep
        for record in _list(next((found[name] for name in _LISTS if name in found), [])):
            ids = record.get("lists")
            keys = map(str, ids) if isinstance(ids, list) else ()
            yield record, [lists[key] for key in keys if key in lists]
    else:
        yield from ((record, []) for record in _list(found))


def _list(found: Any) -> Iterator[Record]:
    if not isinstance(found, list):
        raise NotRead("There is no list of bookmarks in the file.")
    return (record if _is_record(record) else {} for record in found)


def _is_record(found: Any) -> bool:
    return isinstance(found, dict)


def _key(record: Record) -> str:
    return str(record.get("id", id(record)))


def _paths(found: Any, parent: str) -> dict[str, tuple[str, ...]]:
    """The path of each folder of a list in which each names its parent. Raises `NotRead`."""
    folders = (
        {_key(one): one for one in found if _is_record(one)} if isinstance(found, list) else {}
    )
    paths: dict[str, tuple[str, ...]] = {}
    for key in folders:
        names, at = [], key
        while at in folders:
            names.append(_text(folders[at], ("name",)))
            at = str(folders[at].get(parent))
            if len(names) > FOLDERS_MAX:
                raise NotRead(f"The folders are nested more than {FOLDERS_MAX} deep.")
        paths[key] = tuple(reversed(names))
    return paths


def _saved(record: Record, folder: tuple[str, ...]) -> Saved:
    content = record.get("content")
    inner: Record = content if isinstance(content, dict) else {}
    pinboard = "href" in record and "extended" in record
    tool = record.get("tool")
    return Saved(
        _text(record, _URL) or _text(inner, _URL),
        _text(record, ("description",) if pinboard else _TITLE),
        folder,
        tuple(_tags(record, spaced=pinboard)),
        _note(record, described=not pinboard and "labels" not in record),
        next((at for name in _TIME if (at := moment(record.get(name))) is not None), None),
        tool if isinstance(tool, str) else None,
    )


def _text(record: Record, names: Iterable[str]) -> str:
    """The first of the fields that is a text and not empty."""
    values = (record.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value.strip()), "")


def _folder(record: Record) -> tuple[str, ...]:
    folder = record.get("folder")
    if isinstance(folder, str):
        return read_folder(folder)
    names = folder if isinstance(folder, list) else []
    return tuple(name for name in names[:FOLDERS_MAX] if isinstance(name, str))


def _tags(record: Record, *, spaced: bool) -> Iterator[str]:
    found: Any = next((record[name] for name in _TAGS if record.get(name)), [])
    if isinstance(found, str):
        yield from found.split() if spaced else read_tags(found)
    for tag in found if isinstance(found, list) else ():
        yield (
            tag
            if isinstance(tag, str)
            else _text(tag, ("name", "label"))
            if _is_record(tag)
            else ""
        )


def _note(record: Record, *, described: bool) -> str:
    """What the user wrote: the description where it is the user's own, notes, and remarks on
    passages, below each passage."""
    parts = [_text(record, ("description",))] if described else []
    parts.append(_text(record, _NOTE))
    remarks = record.get("annotations")
    for remark in remarks if isinstance(remarks, list) else ():
        if _is_record(remark):
            parts += [_text(remark, ("quote",)), _text(remark, ("text",))]
    return "\n\n".join(part.strip() for part in parts if part)


def write(pages: Iterable[Saved]) -> Iterator[str]:
    """The file, in pieces: `{"bookmarks": […]}`."""
    yield '{"bookmarks":['
    for number, page in enumerate(pages):
        yield ("," if number else "") + "\n" + msgspec.json.encode(page).decode()
    yield "\n]}\n"
