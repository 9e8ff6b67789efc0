"""A list of tools is searched, filtered and sorted by its address."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.asking import new_tool, unique
from tests.e2e.pages.reading import attribute, named, one, page, words

FILTERS = ("category", "price", "panel", "call")


def total(tree):
    """How many tools the page says that there are."""
    return int(words(one(tree, "p", role="status")).split()[0].replace(",", ""))


def options(tree):
    """The links of the filters, with the number that each says."""
    links = named(one(tree, "nav", class_="filters"), "a")
    return {link.get("href"): int(words(one(link, "span")).replace(",", "")) for link in links}


def removing(tree):
    """The links that remove a filter each."""
    links = named(tree, "a", rel="nofollow")
    return [one.get("href") for one in links if "Remove the filter" in one.get("aria-label", "")]


def query(address):
    return {name: text for name, (text,) in parse_qs(urlsplit(address).query).items()}


@pytest.mark.parametrize(
    "path", ["/?sort=new", "/?category=developer-tools", "/?price=free&sort=top", "/?q=note"]
)
def test_a_filter_leaves_as_many_tools_as_it_says(http, path):
    found = options(page(http, path))
    assert {name for address in found for name in query(address)} >= {"category", "price", "call"}
    for address, number in [*found.items()][:: max(len(found) // 6, 1)]:
        assert (address, total(page(http, address))) == (address, number)


def test_filters_are_put_together_and_removed_one_by_one(http):
    whole = "/?category=developer-tools&price=free&panel=ship"
    tree = page(http, whole)
    assert [words(link) for link in named(tree, "a", class_="row-name")] == ["MMistral 3 Small"]
    assert len(removing(tree)) == 3
    for name, href in zip(("category", "price", "panel"), removing(tree), strict=True):
        assert query(href) == {k: v for k, v in query(whole).items() if k != name} | {"sort": "top"}
        assert total(page(http, href)) >= 1
    shown = http.get("/v1/tools", params=query(whole)).json()
    assert [tool["slug"] for tool in shown["tools"]] == ["mistral-3-small"]


def test_a_search_keeps_the_filters_and_each_page_too(http):
    tree = page(http, "/?price=free&sort=new")
    form = one(tree, "form", role="search")
    kept = {field.get("name"): field.get("value") for field in named(form, "input")}
    assert kept["price"] == "free"
    (following,) = [attribute(link, "href") for link in named(tree, "a", rel="next")]
    assert query(following).keys() == {"price", "sort", "cursor"}
    first = {link.get("href") for link in named(tree, "a", class_="row-name")}
    second = {link.get("href") for link in named(page(http, following), "a", class_="row-name")}
    assert len(second) > 1
    assert not first & second


def test_a_category_that_no_tool_has_is_not_found(http):
    for path in (f"/?category={unique('nope')}", f"/?category={unique('nope')}&q=note"):
        assert "No tool is in a category" in words(page(http, path, status=404))
    for path in ("/?category=LLM", "/?category=Developer+Tools", "/?category=developer-tools"):
        assert total(page(http, path)) >= 1


def test_what_is_no_value_of_a_filter_is_refused(http):
    for name in ("price", "panel", "call", "sort"):
        assert http.get("/", params={name: "nope"}).status_code == 400


def test_filters_that_leave_nothing_say_so(http, live_site):
    category = unique("category")
    new_tool(live_site, category=category)
    tree = page(http, f"/?category={category}&panel=ship")
    assert total(tree) == 0
    assert "Remove a filter" in words(one(tree, "p", class_="empty"))
