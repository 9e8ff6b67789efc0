"""Every address, folder, tag, note and time of the files that other products write."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from votes.formats import files
from votes.formats.saved import Saved

FILES = Path(__file__).parent / "files"


def at(seconds: int, microseconds: int = 0) -> datetime:
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


def _browser(bar: str, scheme: str) -> list[Saved]:
    return [
        Saved("https://example.com/tools?a=1&b=2", "Tools & more", (bar,), added_at=at(1700000001)),
        Saved(
            "https://example.org/model#weights",
            '"Model" <7B>',
            (bar, "Work", "Models"),
            added_at=at(1700000004),
        ),
        Saved("https://example.net/", "", (bar, "Work"), added_at=at(1700000005)),
        Saved(f"{scheme}://settings/", "Settings", added_at=at(1700000006)),
    ]


A, B = "https://example.com/a", "https://example.com/b"
TAGS = ("ai", "open source")
EXPECTED = {
    "chrome.html": _browser("Bookmarks bar", "chrome"),
    "edge.html": _browser("Favorites bar", "edge"),
    "firefox.html": [
        Saved("place:type=6&sort=14&maxResults=10", "Recent Tags", added_at=at(1700000000)),
        Saved(
            "https://example.com/",
            "Example",
            ("Bookmarks Toolbar",),
            ("read later", "machine learning"),
            "A note of mine, <b>plain</b>\nover two lines",
            at(1700000002),
        ),
        Saved("https://xn--bcher-kva.example/%C3%BC", "Bücher 書籍", ("Other Bookmarks",)),
    ],
    "safari.html": [
        Saved("https://www.example.com/?a=1&b=2", "Example — home", ("Favourites",)),
        Saved("https://news.example/", "News, it's daily", ("Favourites", "News")),
        Saved("https://loose.example/", "Loose"),
        Saved(
            "https://example.org/long-read", "A long read", ("Reading List",), (), "How it begins"
        ),
    ],
    "pinboard.html": [
        Saved(A, "First", (), ("ai", "tools"), "What I think", at(1500000000)),
        Saved(B, "Second", added_at=at(1500000001)),
    ],
    "pinboard.json": [
        Saved(A, "First", (), ("ai", "tools"), "What I think", at(1500000000)),
        Saved(B, "Second", added_at=at(1500000001)),
    ],
    "pinboard.xml": [
        Saved(A, "First", (), ("ai", "tools"), 'What I think, "here"\nand there', at(1500000000)),
        Saved("https://example.com/b?x=1&copy=2", "Second", added_at=at(1500000001)),
    ],
    "shaarli.html": [
        Saved(
            "https://example.com/?x=%20y",
            "Free software",
            (),
            ("open-source", "software"),
            "It's *free*, see <https://example.com/a?b&c>, List<int> and a <b:\n - one\n - two",
            at(1470472551),
        ),
        Saved("/shaare/abc123", "Note: buy milk", (), ("note",), added_at=at(1470472552)),
    ],
    "linkding.html": [
        Saved(
            "https://example.com/a?b=1&copy=2",
            "A",
            (),
            ("ai",),
            "About <it>\n\nMy *notes*\nmore",
            at(1617182319),
        ),
        Saved(B, "B", added_at=at(1617182321)),
    ],
    "linkding.json": [
        Saved(A, "A", (), ("ai",), "About it\n\nMy *notes*\nmore", at(1617182319, 251233)),
        Saved(B, added_at=at(1617182321)),
    ],
    "karakeep.json": [
        Saved(A, "Two lists", ("Work", "Models"), TAGS, "Mine", at(1717171717)),
        Saved(A, "Two lists", ("Later / now",), TAGS, "Mine", at(1717171717)),
        Saved(B, added_at=at(1717171718, 500_000)),
    ],
    "linkwarden.json": [
        Saved(A, "A", ("Work",), TAGS, "Mine", at(1706933106, 789_000)),
        Saved(B, "B", ("Work", "Models"), added_at=at(1580702706)),
    ],
    "wallabag.json": [
        Saved(A, "A", (), TAGS, "The page\n\nSo true", at(1473328558)),
        Saved(B, "B", added_at=at(1473328559)),
    ],
    "omnivore.json": [
        Saved(A, "A", (), TAGS, added_at=at(1730291968, 23_000)),
        Saved(B, "B", added_at=at(1730291970)),
    ],
    "omnivore.csv": [
        Saved(A, "", (), TAGS, added_at=at(1730291968, 23_000)),
        Saved(B, added_at=at(1730291970)),
    ],
    "raindrop.csv": [
        Saved(
            A,
            'A, "quoted"',
            ("Work", "Models"),
            TAGS,
            "Line one\nline two",
            at(1705314600, 123_000),
        ),
        Saved(B, "B", ("Unsorted",), added_at=at(1705314601)),
        Saved("https://example.com/c", "C", ("Apps/Services",), ("ai",), added_at=at(1705314602)),
    ],
    "pocket.csv": [
        Saved(A, "A", (), TAGS, added_at=at(1700000000)),
        Saved(B, B, added_at=at(1700000001)),
    ],
    "pocket.html": [
        Saved(A, "A & more", (), TAGS, added_at=at(1700000000)),
        Saved(B, B, added_at=at(1700000001)),
    ],
    "instapaper.csv": [
        Saved(A, "A", ("Work",), TAGS, "The sentence that counts", at(1700000000)),
        Saved(B, "B", ("Unread",), added_at=at(1700000001)),
    ],
}
UNREAD = {
    "chrome.html": ["A script is no page."],
    "edge.html": ["A script is no page."],
    "karakeep.json": ["It has no address."] * 2,
}


def test_there_is_an_expectation_for_each_file():
    assert sorted(file.name for file in FILES.iterdir()) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_all_of_a_file_is_read(name):
    found = files.read((FILES / name).read_bytes())
    assert found.saved == EXPECTED[name]
    assert [one.reason for one in found.unread] == UNREAD.get(name, [])


ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["firefox.html", "karakeep.json", "raindrop.csv"])
def test_a_file_in_another_encoding_is_the_same(name, encoding):
    data = (FILES / name).read_text(encoding="utf-8").encode(encoding)
    assert files.read(data).saved == EXPECTED[name]


@pytest.mark.parametrize("name", ["linkding.html", "raindrop.csv"])
def test_lines_may_end_in_other_ways(name):
    data = (FILES / name).read_bytes()
    assert files.read(data.replace(b"\n", b"\r\n")).saved == EXPECTED[name]


def test_an_address_keeps_what_looks_like_a_reference():
    """Many products write `&` as it is, and HTML reads `&copy` without a semicolon too."""
    address = "https://example.com/?a=1&copy=2&not_in=3&reg=4&amp;lang=5&#38;x=6&lt;"
    (page,) = files.read(
        f'<DT><A HREF="{address}" TAGS="c&amp;c,&eacute;,[todo],a;b|c">x</A>'.encode()
    ).saved
    assert page.url == "https://example.com/?a=1&copy=2&not_in=3&reg=4&lang=5&x=6<"
    assert page.tags == ("c&c", "é", "[todo]", "a;b|c")


@pytest.mark.parametrize("tag", ["[todo]", "a;b|c", "C++ / C#"])
def test_a_tag_in_html_ends_at_commas_alone(tag):
    link = f'<DT><A HREF="https://example.com/" TAGS="{tag}">x</A>'
    assert files.read(link.encode()).saved[0].tags == (tag,)
    more = link.replace(tag, f"{tag},other")
    assert files.read(more.encode()).saved[0].tags == (tag, "other")


def test_one_broken_byte_leaves_the_other_letters_as_they_are():
    page = '<META CHARSET="UTF-8"><DT><A HREF="https://example.com/">Bücher 書籍 €</A>'.encode()
    assert files.read(page.replace(b"</A>", b"\xff</A>")).saved[0].title == "Bücher 書籍 €\ufffd"


def test_an_entry_with_a_cell_of_any_length_is_read():
    table = f"url,title,highlights\n{A},A,{'x' * 300_000}\n{B},B,\n"
    assert files.read(table.encode()).saved == [Saved(A, "A"), Saved(B, "B")]


def test_a_file_names_its_encoding():
    page = '<META CHARSET="windows-1251"><DT><A HREF="https://example.com/">Привет</A>'
    assert files.read(page.encode("cp1251")).saved[0].title == "Привет"
    plain = page.replace("windows-1251", "none-such").replace("Привет", "Grüße")
    assert files.read(plain.encode("latin-1")).saved[0].title == "Grüße"


@pytest.mark.parametrize(
    "table",
    [
        "Created;Link;NAME;Labels;Collection;Notes\n2023-11-14 22:13:20;{};A;ai, b;X/Y;n\n",
        "notes\tcollection\tlabels\tname\tlink\tcreated\nn\tX/Y\tai,b\tA\t{}\t1700000000000\n",
        "tags,NOTE,Date Added,folder,title,url\r\nai|b,n,1700000000000000,X / Y,A,{}\r\n",
    ],
)
def test_a_table_with_other_columns_and_separators_is_the_same(table):
    expected = Saved(A, "A", ("X", "Y"), ("ai", "b"), "n", at(1700000000))
    assert files.read(table.format(A).encode()).saved == [expected]
