"""The Netscape bookmark file: HTML that every browser writes and reads, and most other products.

A name (`H3`) before a list (`DL`) makes it a folder. A link (`A`) has its time and tags in
attributes, and its note (`DD`) after it. Nobody closes `DT` and `DD`, so this reads tag after tag,
as browsers do. Python's own parser takes the square of the time for some malformed input.

Pinboard's XML is read as well: its tags (`post`) have everything in attributes.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape, unescape
from html.entities import html5

from msgspec.structs import replace

from votes.formats.labels import read_listed, write_tags
from votes.formats.saved import FOLDERS_MAX, NotRead, Saved
from votes.formats.times import moment

TAG_LENGTH_MAX = 262_144
"""Chrome writes the picture of a site into a tag."""
TAGS_MAX = 1_000_000
_TAG = re.compile(r"""<(/?)([a-z][a-z0-9]*)((?:[^"'>]++|"[^"]*+"|'[^']*+')*+)>""", re.IGNORECASE)
_IN_NOTES = re.compile(
    r"</?(?:a|br|body|d[dlt]|h[1-4r]|head|html|li|meta|ol|p|post|script|style|title|ul)\b|<!",
    re.IGNORECASE,
)
"""What is markup in a note, too. Shaarli writes notes as they are: `<https://example.com/>`."""
_MARKUP = re.compile(r"<[a-z/!?]", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<![\w-])([a-z][\w-]*+)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]++))""", re.IGNORECASE
)
_NOTES = re.compile(r"\[linkding-notes\](.*?)(?:\[/linkding-notes\]|\Z)", re.DOTALL)
_ARCHIVED = ("linkding:bookmarks.archived", "linkding:archived")
_REFERENCE = re.compile(r"&(?:#\d++|#x[\da-f]++|[a-z][a-z\d]*+);", re.IGNORECASE)


def read(text: str) -> Iterator[Saved]:
    """The pages in order. Raises `NotRead`."""
    reader = _Reader()
    position = tags = 0
    while found := _MARKUP.search(text, position):
        reader.text(text[position : found.start()])
        position = _markup(text, found.start(), reader)
        yield from reader.taken()
        tags += 1
        if tags > TAGS_MAX:
            raise NotRead(f"The file has more than {TAGS_MAX:,} tags.")
    reader.text(text[position:])
    reader.end()
    yield from reader.taken()


def _markup(text: str, start: int, reader: "_Reader") -> int:
    """Read what begins with `<`, and return where it ends. A tag that is cut off ends at the next
    `>`, so no part of the text is looked at more than a few times."""
    if reader.notes and not _IN_NOTES.match(text, start):
        reader.text("<")
        return start + 1
    found = _TAG.match(text, start, start + TAG_LENGTH_MAX)
    if found is not None:
        closes, name, attributes = found.groups()
        if closes:
            reader.ends(name.lower())
        else:
            reader.begins(name.lower(), attributes)
        return found.end()
    end = "-->" if text.startswith("<!--", start) else ">"
    at = text.find(end, start)
    return at + len(end) if at >= 0 else len(text)


class _Reader:
    """What has been read so far: the folders that are open, and the link that may go on."""

    def __init__(self) -> None:
        self._folders: list[str] = []
        self._path: tuple[str, ...] = ()
        self._name = ""
        self._link: dict[str, str] | None = None
        self._texts: dict[str, list[str]] = {}
        self._into: str | None = None
        self._found: list[Saved] = []

    def taken(self) -> list[Saved]:
        """The links that are complete since the last call."""
        found, self._found = self._found, []
        return found

    @property
    def notes(self) -> bool:
        """Whether what comes is of a note."""
        return self._into == "note"

    def text(self, text: str) -> None:
        if self._into is not None:
            self._texts.setdefault(self._into, []).append(text)

    def begins(self, tag: str, attributes: str) -> None:
        match tag:
            case "a":
                self.end()
                self._link, self._into = _attributes(attributes), "title"
            case "post":
                self.end()
                self._found.append(_post(_attributes(attributes)))
            case "h3" | "h2" | "h4":
                self.end()
                self._into = "name"
            case "dl":
                self.end()
                self._open()
            case "dd":
                self._into = "note" if self._link is not None else None
            case "dt" | "li" | "h1" | "hr" | "title":
                self.end()
            case "br":
                self.text("\n")
            case _:
                pass

    def ends(self, tag: str) -> None:
        match tag:
            case "a":
                self._into = None
            case "h3" | "h2" | "h4":
                self._name = unescape("".join(self._texts.pop("name", [])))
                self._into = None
            case "dl":
                self.end()
                if self._folders:
                    self._folders.pop()
                    self._path = tuple(filter(None, self._folders))
            case _:
                pass

    def end(self) -> None:
        """The link, if there is one, is complete."""
        link, texts = self._link, self._texts
        self._link, self._texts, self._into = None, {}, None
        if link is None:
            return
        tags = tuple(tag for tag in read_listed(link.get("tags", "")) if tag not in _ARCHIVED)
        page = Saved(
            link.get("href", ""),
            unescape("".join(texts.get("title", []))),
            self._path,
            tags,
            _note("".join(texts.get("note", []))),
            moment(link.get("add_date") or link.get("time_added")),
            link.get("tool"),
        )
        self._found.append(page)

    def _open(self) -> None:
        self._folders.append(self._name)
        self._name = ""
        if len(self._folders) > FOLDERS_MAX:
            raise NotRead(f"The folders are nested more than {FOLDERS_MAX} deep.")
        self._path = tuple(filter(None, self._folders))


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), _REFERENCE.sub(_referred, "".join(values)))
    return found


def _referred(found: re.Match[str]) -> str:
    """Only what ends in a semicolon is meant as a reference: `?a=1&copy=2` has none."""
    name = found[0][1:]
    return unescape(found[0]) if name.startswith("#") or name in html5 else found[0]


def _post(said: dict[str, str]) -> Saved:
    return Saved(
        said.get("href", ""),
        said.get("description", ""),
        (),
        tuple(said.get("tag", "").split()),
        said.get("extended", ""),
        moment(said.get("time")),
    )


def _note(text: str) -> str:
    """linkding writes a page's description and, in brackets, the notes: here they are one."""
    parts = (_NOTES.sub("", text, count=1), *_NOTES.findall(text)[:1])
    return unescape("\n\n".join(part.strip() for part in parts if part.strip()))


class _Folder:
    def __init__(self) -> None:
        self.pages: list[Saved] = []
        self.folders: dict[str, _Folder] = {}


def write(pages: Iterable[Saved]) -> Iterator[str]:
    """The file, in pieces. It has no parts of seconds."""
    root = _Folder()
    for page in dict.fromkeys(map(_in_seconds, pages)):
        folder = root
        for name in page.folder:
            folder = folder.folders.setdefault(name, _Folder())
        folder.pages.append(page)
    yield (
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n"
        '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">\n'
        "<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n<DL><p>\n"
    )
    yield from _written(root)
    yield "</DL><p>\n"


def _in_seconds(page: Saved) -> Saved:
    at = page.added_at
    return page if at is None else replace(page, added_at=at.replace(microsecond=0))


def _written(folder: _Folder) -> Iterator[str]:
    for page in folder.pages:
        yield _link(page)
    for name, inner in folder.folders.items():
        yield f"<DT><H3>{escape(name)}</H3>\n<DL><p>\n"
        yield from _written(inner)
        yield "</DL><p>\n"


def _link(page: Saved) -> str:
    attributes = {"HREF": page.url}
    if page.added_at is not None:
        attributes["ADD_DATE"] = str(int(page.added_at.timestamp()))
    if page.tags:
        attributes["TAGS"] = write_tags(page.tags)
    if page.tool is not None:
        attributes["TOOL"] = page.tool
    said = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    note = escape(page.note).replace("[linkding-notes]", "&#91;linkding-notes]")
    return f"<DT><A {said}>{escape(page.title)}</A>\n" + (f"<DD>{note}\n" if note else "")
