"""What is typed finds the tool that is meant: by name, beginning, word or tagline, with typos."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.catalogues import catalogue, listed
from votes.domain.terms import ToolId
from votes.search.index import FEW, ToolIndex
from votes.search.words import together, words

TOOLS = catalogue(2_000)
tools = st.sampled_from(sorted(TOOLS))
SOME = {
    "gpt": listed("chatgpt", "ChatGPT", "The assistant", votes=900),
    "cafe": listed("cafe-noir", "Café Noir", "Brews coffee"),
    "notion": listed("notion", "Notion", "Notes and docs", votes=100, category="AI Tools"),
    "calendar": listed("notion-calendar", "Notion Calendar", "Plans your week"),
    "pay": listed("wechat-pay", "微信支付", "Pays"),
    "kana": listed("kana", "ポケット", "Reads later"),
    "hello": listed("hello", "مرحبا بكم", "Says hello"),
    "x": listed("x", "X", "Short posts", former="twitter"),
    "rocket": listed("to-the-moon", "🚀", "Starts"),
    "street": listed("strasse", "Große Straße", "Maps"),
}


@pytest.fixture(scope="module")
def index() -> ToolIndex:
    made = ToolIndex()
    made.only(TOOLS)
    return made


@pytest.fixture(scope="module")
def few() -> ToolIndex:
    made = ToolIndex()
    made.only({ToolId(name): tool for name, tool in SOME.items()})
    return made


def found(index: ToolIndex, text: str, limit: int = 10, category: str | None = None) -> list[str]:
    return [tool for _, tool in index.find(text, category, limit)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ChatGPT", ["gpt"]),
        ("chat gpt", ["gpt"]),
        ("CHAT-g.p.t!", ["gpt"]),
        ("chatgtp", ["gpt"]),
        ("hcatgpt", ["gpt"]),
        ("chatg", ["gpt"]),
        ("cafe", ["cafe"]),
        ("CAFÉ", ["cafe"]),
        ("cafe\u0301", ["cafe"]),
        ("noir", ["cafe"]),
        ("no", ["notion", "calendar", "cafe"]),
        ("notion", ["notion", "calendar"]),
        ("notion-calendar", ["calendar"]),
        ("calendar notion", ["calendar"]),
        ("calender", ["calendar"]),
        ("nition calandar", ["calendar"]),
        ("coffee", ["cafe"]),
        ("noir coffee", ["cafe"]),
        ("docs note", ["notion"]),
        ("微信", ["pay"]),
        ("支付", ["pay"]),
        ("ポケ", ["kana"]),
        ("مرحبا", ["hello"]),
        ("بكم", ["hello"]),
        ("\uff23hat\uff27\uff30\uff34", ["gpt"]),
        ("twitter", ["x"]),
        ("to the moon", ["rocket"]),
        ("grosse strasse", ["street"]),
        ("\u202echatgpt\u0000", ["gpt"]),
    ],
)
def test_what_is_typed_finds(few, text, first):
    assert found(few, text) == first


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "\t\n", "!?*", "🚀", "\x00", "\ud800", "\u202e", '+-&|!(){}[]^"~*?:\\/'),
        *("zzzzzz", "qqq", "name:", "x" * 10_000, "名" * 10_000, "ﷺ" * 10_000, "a b " * 5_000),
        *("cof", "abcd" * 50),
    ],
)
def test_what_fits_nothing_finds_nothing_and_breaks_nothing(few, text):
    """`cof` is a beginning in a tagline: so it is found, and shows that this test can fail."""
    assert found(few, text) == (["cafe"] if text == "cof" else [])


@pytest.mark.parametrize(
    "text",
    ["notion AND calendar", "title:notion", "notion~2", "[notion TO x]", "-notion", '"notion'],
)
def test_no_sign_has_a_meaning(few, text):
    assert found(few, text) == found(few, " ".join(words(text)))


def test_a_category_is_looked_for_in_the_index(few):
    assert found(few, "notion", category="ai-tools") == ["notion"]
    assert found(few, "notion", category="nothing") == []


def test_among_equals_more_votes_come_first_and_then_the_shorter_name():
    index = ToolIndex()
    index.only(
        {
            ToolId("long"): listed("a", "Atlas of the world"),
            ToolId("short"): listed("b", "Atlas maps"),
            ToolId("loved"): listed("c", "Atlas of the whole world", votes=5),
        }
    )
    assert found(index, "atlas") == ["loved", "short", "long"]


@given(tools)
def test_every_tool_is_found_by_its_name_first_among_equals(index, tool):
    name = together(words(TOOLS[tool].profile.name))
    hits = index.find(TOOLS[tool].profile.name, None, 10)
    equals = [other for _, other in hits if together(words(TOOLS[other].profile.name)) == name]
    assert tool in equals == [other for _, other in hits[: len(equals)]]


@given(tools, st.data())
def test_every_tool_is_found_as_its_name_is_typed(index, tool, data):
    name = TOOLS[tool].profile.name
    typed = name[: data.draw(st.integers(1, len(name)))]
    assert tool in found(index, typed, limit=len(TOOLS))


@given(tools, st.data())
def test_every_tool_is_found_with_one_typo(index, tool, data):
    name = TOOLS[tool].profile.name
    assert tool in found(index, data.draw(typos(name)))


def typos(name: str) -> st.SearchStrategy[str]:
    """The name with two letters swapped, one dropped, one added, or one replaced."""
    letters = st.sampled_from(string.ascii_lowercase)
    at = st.integers(0, len(name) - 2)
    return st.one_of(
        at.map(lambda i: name[:i] + name[i + 1] + name[i] + name[i + 2 :]),
        at.map(lambda i: name[:i] + name[i + 1 :]),
        st.builds(lambda i, letter: name[:i] + letter + name[i:], at, letters),
        st.builds(lambda i, letter: name[:i] + letter + name[i + 1 :], at, letters),
    )


@given(st.text(max_size=300), st.sampled_from((None, "tests")), st.integers(1, 1_000))
def test_any_text_finds_a_bounded_list_of_different_tools(index, text, category, limit):
    hits = index.find(text, category, limit)
    assert len(hits) == len({tool for _, tool in hits}) <= limit
    assert [score for score, _ in hits] == sorted((score for score, _ in hits), reverse=True)


@pytest.mark.parametrize(("number", "mistyped"), [(FEW - 1, True), (FEW, False)])
def test_typos_are_looked_for_where_few_are_found_without(number, mistyped):
    index = ToolIndex()
    named = {ToolId(f"atlas-{at}"): listed(f"atlas-{at}", f"Atlas {at}") for at in range(number)}
    index.only(named | {ToolId("typo"): listed("atles", "Atles")})
    assert ("typo" in found(index, "atlas", limit=1_000)) == mistyped
