"""Pages on paper, and pages with names that have no place to break."""

from typing import Any

import pytest

from tests.e2e.asking import new_tool
from tests.e2e.browser.conftest import Open, visit
from tests.e2e.pages.reading import PAIR
from tests.site import Site

STYLES = """([selector, ...names]) => {
  const style = getComputedStyle(document.querySelector(selector));
  return names.map((name) => style.getPropertyValue(name));
}"""


def test_a_comparison_is_printed_light_with_its_colours_and_whole_cards(
    live_site: Site, person: Open
):
    page = visit(person(color_scheme="dark"), live_site.url + PAIR)
    page.emulate_media(media="print", color_scheme="dark")

    def style(*asked: str) -> list[Any]:
        return page.evaluate(STYLES, list(asked))

    assert style("html", "background-color", "color") == ["rgb(255, 255, 255)", "rgb(23, 22, 18)"]
    colour, adjusted = style(".stamp", "background-color", "print-color-adjust")
    assert (colour, adjusted) in {
        (f"rgb({rgb})", "exact")
        for rgb in ("11, 107, 76", "178, 58, 29", "133, 86, 0", "93, 89, 78")
    }
    assert style(".card", "break-inside") == ["avoid"]
    assert style(".site-header nav", "display") == ["none"]


@pytest.mark.parametrize("width", [360, 1280])
def test_an_unbroken_name_widens_no_page(live_site: Site, person: Open, width: int):
    names = {"name": "Donaudampfschifffahrtsgesellschaft" * 3, "tagline": "x" * 140}
    a, b, c, d = sorted(new_tool(live_site, **names) for _ in range(4))
    context = person(viewport={"width": width, "height": 900})
    paths = [f"/compare/{a}-vs-{b}", f"/compare/{a}-vs-{b}-vs-{c}-vs-{d}", f"/tools/{a}"]
    for path in (*paths, "/?sort=new", f"/compare?a={a}&b=nothing"):
        page = visit(context, live_site.url + path)
        shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert shown[0] <= width, (path, shown)


@pytest.mark.parametrize("width", [360, 1280])
def test_a_table_of_four_scrolls_in_itself_and_its_first_column_stays(
    live_site: Site, person: Open, width: int
):
    a, b, c, d = sorted(new_tool(live_site) for _ in range(4))
    context = person(viewport={"width": width, "height": 900}, java_script_enabled=False)
    page = visit(context, f"{live_site.url}/compare/{a}-vs-{b}-vs-{c}-vs-{d}")
    table = page.get_by_role("group", name="The decision, row by row")
    label = table.get_by_role("rowheader", name="Pricing")
    last = table.get_by_role("columnheader", name=d)
    before = label.bounding_box()
    table.evaluate("(table) => table.scrollBy(2000, 0)")
    assert label.bounding_box() == before
    shown = last.bounding_box()
    assert before["x"] + before["width"] <= shown["x"]
    assert shown["x"] + shown["width"] <= width
    for card in page.locator("article.card").all():
        assert card.bounding_box()["width"] >= 200


WITH_COUNTS = """(count) => [...document.querySelectorAll("ship-vote button")].flatMap((button) => {
  button.querySelector("[part=count]").textContent = count;
  const place = button.getBoundingClientRect();
  return [...button.children].filter((part) => {
    const { left, right, top, bottom } = part.getBoundingClientRect();
    return left < place.left || right > place.right || top < place.top || bottom > place.bottom;
  }).map((part) => part.textContent);
})"""
"""Sets the numbers of votes on the page, and returns what is outside of its button then."""


@pytest.mark.parametrize("width", [360, 390, 1280, 1600])
def test_the_counts_of_many_votes_stay_in_their_buttons(live_site: Site, person: Open, width: int):
    context = person(viewport={"width": width, "height": 900}, java_script_enabled=False)
    for path in ("/?sort=top", "/tools/notion", PAIR):
        page = visit(context, live_site.url + path)
        for count in ("7", "118", "6,794", "118,974"):
            assert page.evaluate(WITH_COUNTS, count) == [], (path, count)
