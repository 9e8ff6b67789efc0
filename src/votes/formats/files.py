"""Which format a file has, and its text, whatever its encoding."""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from votes.formats import json_file, netscape, table
from votes.formats.saved import File, NotRead, Saved, collect

FILE_BYTES_MAX = 32 * 1024 * 1024
HEAD_BYTES = 4_096
Format = Literal["html", "json", "csv"]

MEDIA_TYPES: dict[Format, str] = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}
_WRITERS: dict[Format, Callable[[Iterable[Saved]], Iterator[str]]] = {
    "html": netscape.write,
    "json": json_file.write,
    "csv": table.write,
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings that HTML files name. Others of Python's are no encodings of text, or slow.
_NAMED = re.compile(
    rb"charset\s*=\s*[\"']?\s*((?:windows-|iso-8859-|koi8-|euc-|gb|big5|shift_jis)[\w-]*)",
    re.IGNORECASE,
)
_REPLACED = "\ufffd"
_NOT_ASCII = re.compile(f"[^\0-\x7f{_REPLACED}]")
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")
_PICTURE_OR_PROGRAM = re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|%PDF|\x7fELF|MZ|SQLite format")


def read(data: bytes) -> File:
    """The pages of a file. Raises `NotRead`."""
    if len(data) > FILE_BYTES_MAX:
        raise NotRead(f"The file has more than {FILE_BYTES_MAX // 2**20} MiB.")
    if data.startswith(_ARCHIVES):
        raise NotRead("This is an archive: unpack it, and take the file with the bookmarks.")
    if _PICTURE_OR_PROGRAM.match(data):
        raise NotRead("This is no file of bookmarks.")
    text = decoded(data)
    first = text.lstrip()[:1]
    if not first:
        raise NotRead("The file is empty.")
    readers = {"<": netscape.read, "{": json_file.read, "[": json_file.read}
    found = collect(readers.get(first, table.read)(text))
    if not found.saved and not found.unread:
        raise NotRead("There are no bookmarks in the file.")
    return found


def write(pages: Iterable[Saved], form: Format) -> Iterator[str]:
    """The file with the pages, in pieces, always in the same order."""
    return _WRITERS[form](sorted(pages, key=lambda page: page.order))


def decoded(data: bytes) -> str:
    """The text: as its first bytes say, as UTF-8 (where more of it is that than is not), or in the
    encoding that it names. What cannot be read of it is replaced."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.decode("utf-16-le" if data[:1] != b"\0" else "utf-16-be", errors="replace")
    text = data.decode(errors="replace")
    broken = text.count(_REPLACED)
    if not broken or len(_NOT_ASCII.findall(text)) > broken:
        return text
    named = _NAMED.search(data[:HEAD_BYTES])
    try:
        return data.decode(named[1].decode() if named else "cp1252", errors="replace")
    except LookupError:
        return text
