"""The pages of the site in a browser: without script, for everybody, within their budgets."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.conftest import Measured, Open, Vote, visit
from tests.site import Site

A, B = "claude-haiku-open-weights", "mistral-3-small"
PATHS = [
    *("/", f"/tools/{A}", f"/tools/{A}/badge", "/compare", "/?category=llm&price=free"),
    *(f"/compare/{A}-vs-{B}", f"/compare/{A}-vs-{B}-vs-notion"),
    *("/bookmarks", "/status", "/verdicts", "/about", "/privacy", "/rulings", "/docs"),
]

OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that may hold in one colour scheme and not in the other."""
LEAVE_SOME = """document.querySelectorAll("article.operation:nth-of-type(n+4)")
  .forEach((operation) => operation.remove())"""
"""Of the operations of each section on /docs leaves three: they have all the shapes of all."""
REQUESTS_MAX = 8
KILOBYTES_MAX = 40
SHIFT_MAX = 0.02

MEASURE = """async () => {
  const files = [
    ...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource"),
  ];
  const shifts = await new Promise((resolve) => {
    const found = [];
    new PerformanceObserver((list) => found.push(...list.getEntries()))
      .observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => setTimeout(() => resolve(found), 200));
  });
  return {
    requests: files.length,
    kilobytes: files.reduce((sum, file) => sum + file.transferSize, 0) / 1_000,
    shift: shifts.reduce((sum, shift) => sum + shift.value, 0),
  };
}"""


def tabbed(page: Any) -> None:
    """Wait until what the script does at first is done."""
    page.wait_for_load_state("load")
    if page.locator("ship-vote").count():
        page.locator("ship-vote [role=status]").first.wait_for(state="attached")


def test_without_script_the_form_votes(live_site: Site, person: Open, tool: str):
    page = visit(person(java_script_enabled=False), f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.ship.click()
    vote.shows(1, 0, "ship")
    vote.skip.click()
    vote.shows(0, 1, "skip")
    vote.skip.click()
    vote.shows(0, 0)
    assert f"/tools/{tool}" in page.url


def test_without_script_two_tools_are_voted_on_where_they_are_compared(
    live_site: Site, person: Open, tool: str
):
    page = visit(person(java_script_enabled=False), f"{live_site.url}/compare/{tool}-vs-{A}")
    Vote(page, tool).ship.click()
    Vote(page, tool).shows(1, 0, "ship")
    assert "/compare/" in page.url


@pytest.mark.parametrize("path", [*PATHS, "/moderation"])
def test_a_page_is_for_everybody(live_site: Site, person: Open, user: Any, path: str):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with_login = path in ("/bookmarks", "/moderation")
    page = visit(user if with_login else person(), live_site.url + path)
    tabbed(page)
    bad = []
    for scheme, rules in (("light", {}), ("dark", {"runOnly": OF_COLOURS})):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = axe.run(page, options={"resultTypes": ["violations"], **rules})
        bad += [
            f"{one['id']} ({scheme}): {one['help']}:"
            f" {[node['html'][:150] for node in one['nodes'][:3]]}"
            for one in found.response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        page.evaluate(LEAVE_SOME)
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_keeps_to_its_budget(live_site: Site, person: Open, path: str, measured: Measured):
    page = visit(person(viewport={"width": 360, "height": 740}), live_site.url + path)
    tabbed(page)
    cost = page.evaluate(MEASURE)
    measured(
        f"{path}: {cost['requests']} requests, {cost['kilobytes']:.1f} kB,"
        f" layout shift {cost['shift']:.4f}"
    )
    assert cost["requests"] <= REQUESTS_MAX
    assert cost["kilobytes"] <= KILOBYTES_MAX
    assert cost["shift"] <= SHIFT_MAX
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not page.said


def test_a_page_fits_the_narrowest_screen(live_site: Site, person: Open):
    page = visit(
        person(viewport={"width": 320, "height": 640}), f"{live_site.url}/compare/{A}-vs-{B}"
    )
    tabbed(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for button in page.locator("ship-vote button").all():
        box = button.bounding_box()
        assert box["height"] >= 44
    expect(page.locator("ship-vote")).to_have_count(2)


@pytest.mark.parametrize("width", [360, 1280])
def test_without_script_filters_open_and_are_removed(live_site: Site, person: Open, width: int):
    context = person(java_script_enabled=False, viewport={"width": width, "height": 800})
    page = visit(context, f"{live_site.url}/?sort=top")
    page.get_by_text("Panel", exact=True).first.click()
    page.locator(".filters details[open]").get_by_role("link", name="Ship").click()
    expect(page.locator(".row-name").filter(has_text="Mistral 3 Small")).to_be_visible()
    page.get_by_text("Price", exact=True).click()
    values = page.locator(".filters details[open] ul").bounding_box()
    assert values["x"] >= 0
    assert values["x"] + values["width"] <= width
    page.get_by_text("Price", exact=True).click()
    page.get_by_role("link", name="Remove the filter Panel: Ship").click()
    expect(page.locator(".row")).to_have_count(40)
