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
    a, b = sorted(new_tool(live_site, **names) for _ in range(2))
    context = person(viewport={"width": width, "height": 900})
    for path in (f"/compare/{a}-vs-{b}", f"/tools/{a}", "/?sort=new", f"/compare?a={a}&b=nothing"):
        page = visit(context, live_site.url + path)
        shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert shown[0] <= width, (path, shown)
