"""What holds for each page in a browser: it is accessible, nothing sticks out, and it is small."""

from typing import Any, TypedDict

import pytest

from tests.e2e.browser.conftest import WITHOUT_SCRIPT

Screens = tuple[tuple[dict[str, int], str], ...]
NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1_600, "height": 900}
IN_ENGLISH = ((NARROW, "light"), (WIDE, "dark"))
IN_GERMAN = ((WIDE, "light"), (NARROW, "dark"))
REQUESTS_MAX = 8
KILOBYTES_MAX = 30
OF_THE_API_MAX = 40
"""/docs is the one page that is larger: it has all operations."""
SHIFT_MAX = 0.02
LEAVE_SOME = """document.querySelectorAll("article.operation:nth-of-type(n+4)")
  .forEach((operation) => operation.remove())"""
"""Of the operations of each section on /docs leaves three: they have all the shapes of all."""

AXE = """async () => (await axe.run({
  resultTypes: ["violations"],
  selectors: false,
  preload: { assets: ["media"] },
})).violations"""
"""All rules. Leaves out where in the page a node is, and the sheets, which none of them reads."""

PARSE_ONCE = """
(({ Color }) => {
  const { parseString } = Color.prototype, parsed = new Map();
  Color.prototype.parseString = function (text) {
    if (!parsed.has(text)) parsed.set(text, parseString.call(new Color(), text));
    const { r, g, b, alpha } = parsed.get(text);
    return Object.assign(this, { r, g, b, alpha });
  };
})(axe.commons.color);
"""
"""Has axe parse each colour of a page once, not for each node behind each text: a quarter of its
time. What cannot be parsed still throws each time."""

MEASURE = """async () => {
  const files = [
    ...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource"),
  ].filter(({ name }) => !name.includes("/v1/live"));
  const shifts = await new Promise((resolve) => {
    const found = [];
    new PerformanceObserver((list) => found.push(...list.getEntries()))
      .observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => setTimeout(() => resolve(found), 200));
  });
  return {
    files: [...new Set(files.map((file) => file.name))],
    kilobytes: files.reduce((sum, file) => sum + file.transferSize, 0) / 1_000,
    shift: shifts.reduce((sum, shift) => sum + shift.value, 0),
  };
}"""


def tabbed(page: Any) -> None:
    """Wait until what the script does at first is done."""
    page.wait_for_load_state("load")
    if page.locator("ship-vote").count():
        page.locator("ship-vote [role=status]").first.wait_for(state="attached")


def faults(page: Any, screens: Screens = IN_ENGLISH) -> list[str]:
    """What is wrong with the page on screens of a size, in a colour scheme. A page without script
    cannot be checked, and has the markup of the one with it."""
    page.wait_for_load_state("load")  # before its sheets come it has no layout
    if page.evaluate(WITHOUT_SCRIPT):
        return []
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    before, found = page.viewport_size, []
    page.evaluate(axe.axe_script + PARSE_ONCE)
    for size, scheme in screens:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        shown = page.evaluate("document.documentElement.scrollWidth")
        if shown > size["width"]:
            found.append(f"{shown} pixels wide on {size['width']}")
        told = page.evaluate(AXE)
        found += [
            f"{one['id']} ({scheme}): {one['help']}:"
            f" {[node['html'][:150] for node in one['nodes'][:3]]}"
            for one in told
        ]
        page.evaluate(LEAVE_SOME)
    page.set_viewport_size(before)
    page.emulate_media(color_scheme=None, reduced_motion=None)
    return found


class Cost(TypedDict):
    """Of a page since it was opened, without its stream, which is listed only where it has ended:
    with more tools another is opened. The browser has kept a file that is asked for again."""

    files: list[str]
    kilobytes: float
    shift: float


def cost(page: Any) -> Cost:
    tabbed(page)
    measured: Cost = page.evaluate(MEASURE)
    return measured
