"""Files that are broken, huge or made to harm: refused with a reason, or read as what they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.formats import files
from votes.formats.saved import FOLDERS_MAX, ITEMS_MAX, NotRead

MIB = 2**20
LINK = '<DT><A HREF="https://example.com/{}">{}</A>\n'
REFUSED = {
    "nothing": b"",
    "white space": b" \n\t",
    "a zip file": b"PK\x03\x04" + bytes(100),
    "a gzip file": b"\x1f\x8b\x08" + bytes(100),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a program": b"\x7fELF" + bytes(100),
    "a page without links": b"<!DOCTYPE html><p>Hello",
    "a table without addresses": b"name,value\na,b\n",
    "text": b"Dear reader, this is a letter.",
    "JSON of something else": b'{"bookmarks": 5}',
    "an empty list": b"[]",
    "broken JSON": b'[{"url": "https://example.com/"',
    "lists in lists": b"[" * 100_000,
    "objects in objects": b'{"a":' * 100_000,
    "folders in folders": b"<DL>" * 100_000 + LINK.encode(),
    "many values": b"[" + b"1," * 4_000_001 + b"1]",
    "too many links": LINK.encode() * (ITEMS_MAX + 1),
    "a large file": b"<" * (files.FILE_BYTES_MAX + 1),
    "a circle of lists": json.dumps(
        {
            "bookmarks": [{"url": "https://example.com/", "lists": ["a"]}],
            "lists": [
                {"id": "a", "name": "A", "parentId": "b"},
                {"id": "b", "name": "B", "parentId": "a"},
            ],
        }
    ).encode(),
}
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))
    + "]><A HREF='https://example.com/'>&lol9;</A>"
)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_reason(name):
    with pytest.raises(NotRead, match=r"\w"):
        files.read(REFUSED[name])


def test_entities_are_not_expanded():
    assert files.read(LAUGHS.encode()).saved[0].title == "&lol9;"


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "java\0script:x()", "data:text/html,x"],
)
def test_a_script_is_left_out_and_said(address):
    page = json.dumps([{"url": address, "title": "x"}, {"url": "https://example.com/"}]).encode()
    found = files.read(page)
    assert [one.url for one in found.saved] == ["https://example.com/"]
    assert [(one.entry, one.reason) for one in found.unread] == [(1, "A script is no page.")]


def test_an_entry_that_is_too_long_is_left_out_and_said():
    rows = [{"url": "https://example.com/", "note": "ü" * 40_000}, {"url": "https://example.com/b"}]
    found = files.read(json.dumps(rows, ensure_ascii=False).encode())
    assert [one.url for one in found.saved] == ["https://example.com/b"]
    assert "65,536 bytes" in found.unread[0].reason


def test_a_hundred_thousand_tags_are_left_out_and_said():
    link = f'<DT><A HREF="https://example.com/" TAGS="{",".join(map(str, range(30_000)))}">x</A>'
    rows = [{"url": "https://example.com/", "tags": [f"tag {n}" for n in range(100_000)]}]
    for file in (f"<DL>{link}{LINK.format(1, 1)}", json.dumps([*rows, {"url": "x:y"}])):
        found = files.read(file.encode())
        assert (len(found.saved), len(found.unread)) == (1, 1)
        assert "65,536 bytes" in found.unread[0].reason


@pytest.mark.parametrize("trick", ["\0", "\u202e", "\u2066", "\u200f", "\x1b", "\x85", "\ufeff"])
def test_what_is_not_visible_is_in_no_text(trick):
    text = f"a{trick}b"
    row = {
        "url": f"https://example.com/{trick}",
        "title": text,
        "folder": [text],
        "tags": [text, "ab"],
        "note": text,
    }
    (page,) = files.read(json.dumps([row]).encode()).saved
    assert (page.url, page.title, page.folder) == ("https://example.com/", "ab", ("ab",))
    assert (page.tags, page.note) == (("ab",), "ab")


def test_a_file_of_the_largest_number_of_links_is_read():
    data = "".join(LINK.format(n, n) for n in range(ITEMS_MAX)).encode()
    assert len(files.read(data).saved) == ITEMS_MAX


def test_folders_may_be_nested_deep():
    data = "<DL><H3>x</H3>" * FOLDERS_MAX + LINK.format(1, 1)
    assert len(files.read(data.encode()).saved[0].folder) == FOLDERS_MAX - 1


SLOW = [
    "<",
    "<a ",
    '<a "',
    "<a '>",
    '<a ">',
    "<!",
    "<!--",
    "&",
    "&#",
    "<a href=",
    "<dl></dl>",
    "<a b",
]


@pytest.mark.parametrize("piece", SLOW)
def test_malformed_html_takes_no_square_of_the_time(piece):
    """With a square of the time none of these would end."""
    with pytest.raises(NotRead):
        files.read(("<html>" + piece * (MIB // len(piece))).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    _read(data)


PIECES = st.sampled_from(
    [
        *("<DT>", "<A HREF=", "<A HREF='https://example.com/'", ">", "</A>", "<DD>", "<DL>"),
        *("<H3>", "</H3>", "<!--", "-->", '"', "'", "x", "&lt;", "[", "]", "{", "}", ",", ":"),
        *('"url"', '"https://example.com/"', '"lists"', '"collections"', '"tags"', "null"),
        *("</DL>", "\n", "url,title", "https://example.com/", ";", "\t", "\0", "\ufeff", "1e999"),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_pieces_of_files_are_read_or_refused(text):
    _read(text.encode())


def _read(data: bytes) -> None:
    try:
        found = files.read(data)
    except NotRead:
        return
    for form in ("html", "json", "csv"):
        again = "".join(files.write(found.saved, form)).encode()
        if found.saved:
            assert len(files.read(again).saved) == len(found.saved)
