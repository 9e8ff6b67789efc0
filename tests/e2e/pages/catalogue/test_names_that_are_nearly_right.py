"""An address or a name that is nearly right leads to what is meant, or names it."""

import pytest

from tests.e2e.asking import new_tool, unique
from tests.e2e.pages.reading import PAIR, attribute, named, one, page, words

HAIKU, MISTRAL = "claude-haiku-open-weights", "mistral-3-small"


def meant(tree):
    """The links of "Did you mean", by their text."""
    found = [line for line in named(tree, "p") if "Did you mean" in words(line)]
    return [{words(link): link.get("href") for link in named(line, "a")} for line in found]


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/tools/Notion", "/tools/notion"),
        ("/tools/MISTRAL-3-SMALL?min_position=1", "/tools/mistral-3-small?min_position=1"),
        (f"/compare/{HAIKU.upper()}-vs-{MISTRAL}", PAIR),
        (f"/compare/{MISTRAL}-VS-{HAIKU}", PAIR),
    ],
)
def test_an_address_in_another_case_redirects_for_good(http, path, to):
    answer = http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (308, to)


def test_a_former_slug_in_another_case_leads_to_the_tool(http, admin, tool):
    to = unique("renamed")
    http.post(f"/v1/tools/{tool}/rename", json={"slug": to}, headers=admin)
    http.get("/v1/tools", params={"min_position": http.get("/health/ready").json()["head"]})
    assert http.get(f"/tools/{tool.upper()}").headers["location"] == f"/tools/{to}"


def test_a_page_that_is_not_there_names_what_may_be_meant(http):
    found = meant(page(http, "/tools/notoin", status=404))
    assert next(iter(found[0].items())) == ("Notion", "/tools/notion")
    found = meant(page(http, "/tools/Claude%20Haiku", status=404))
    assert found[0]["Claude Haiku Open Weights"] == f"/tools/{HAIKU}"
    assert meant(page(http, f"/tools/{unique('zqxj')}", status=404)) == []
    found = meant(page(http, f"/compare/claude-haikku-vs-{MISTRAL}", status=404))
    assert found[0]["Claude Haiku Open Weights vs Mistral 3 Small"] == PAIR


def test_one_tool_in_the_address_of_a_pair_leads_to_the_form(http):
    answer = http.get("/compare/Notion")
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?a=notion")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Claude Haiku", MISTRAL),
        ("claude haiku open", "Mistral 3 Small"),
        ("Mistral-3-Small", " haiku "),
    ],
)
def test_a_name_that_can_be_only_one_is_enough_to_compare(http, a, b):
    answer = http.get("/compare", params={"a": a, "b": b})
    assert (answer.status_code, answer.headers["location"]) == (303, PAIR)


def test_a_name_that_may_be_several_is_asked_about(live_site, http):
    word = unique("word")
    tools = [new_tool(live_site, name=f"{word} {number}") for number in (1, 2)]
    http.get("/v1/suggest", params={"q": word, "min_position": 1})
    tree = page(http, f"/compare?a={word}&b=notion")
    (found,) = meant(tree)
    assert set(found.values()) == {f"/compare?a={tool}&b=notion" for tool in tools}
    fields = named(one(tree, "form", class_="pick"), "input")
    assert [field.get("value") for field in fields] == [word, "notion", "", ""]


def test_both_names_may_be_wrong(http):
    found = meant(page(http, "/compare?a=notoin&b=claude+haikku"))
    assert found[0]["Notion"] == "/compare?a=notion&b=claude+haikku"
    assert found[1]["Claude Haiku Open Weights"] == f"/compare?a=notoin&b={HAIKU}"


def test_the_two_sides_are_swapped_and_each_is_changed(http):
    def order(tree):
        return [words(link) for link in named(one(tree, "h1"), "span", class_="unit")]

    tree = page(http, PAIR)
    group = one(tree, "p", role="group")
    links = {words(link): attribute(link, "href") for link in named(group, "a")}
    change = {link.get("aria-label"): link.get("href") for link in named(tree, "a")}
    assert change["Change Claude Haiku Open Weights"] == f"/compare?b={MISTRAL}"
    assert change["Change Mistral 3 Small"] == f"/compare?a={HAIKU}"
    other = page(http, links["Swap sides"])
    assert order(other) == ["Mistral 3 Small", "vs Claude Haiku Open Weights"]
    assert order(tree) == ["Claude Haiku Open Weights", "vs Mistral 3 Small"]
    assert attribute(one(other, "link", rel="canonical"), "href").endswith(PAIR)
    back = {words(link): link.get("href") for link in named(one(other, "p", role="group"), "a")}
    assert back["Swap sides"] == PAIR
    next_ = {field.get("value") for field in named(other, "input", name="next")}
    assert f"{PAIR}?first={MISTRAL}" in next_
