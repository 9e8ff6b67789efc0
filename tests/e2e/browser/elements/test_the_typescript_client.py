"""`subscribeTallies()`, bundled as a site would, in a browser."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asking import bearer, new_tool, put, request
from tests.e2e.browser.conftest import Open, visit
from tests.e2e.browser.stage import Stage
from tests.e2e.programs.typescript import needs_node, npm
from tests.polling import wait_for
from tests.site import Site

pytestmark = needs_node

RUN = """
import { subscribeTallies } from "./client.js";
window.heard = [];
window.subscription = subscribeTallies(API, TOOLS, {
  tally: ({ tool, ship }) => window.heard.push([tool, ship]),
  delisted: (tool) => window.heard.push([tool, "delisted"]),
});
"""


@pytest.fixture(scope="module")
def bundle(project: Path) -> bytes:
    made = project / "bundle.js"
    npm(project, "exec", "--", "esbuild", "src/index.ts", "--bundle", "--format=esm",
        f"--outfile={made}")  # fmt: skip
    return made.read_bytes()


@pytest.fixture
def subscribed(other_site: Stage, live_site: Site, bundle: bytes):
    """Opens a page that subscribes to tools."""

    def open_page(context: Any, *tools: str) -> Any:
        name = "-".join(tools)
        run = RUN.replace("API", repr(live_site.url)).replace("TOOLS", repr(list(tools)))
        other_site.scripts |= {"/client.js": bundle, f"/{name}.js": run.encode()}
        script = f'<script type="module" src="/{name}.js"></script>'
        return visit(context, other_site.show(f"/{name}", "", live_site.url, script))

    return open_page


def hears(page: Any, *wanted: list[Any]) -> None:
    """Wait until it has heard each of these."""
    wait_for(lambda: all(one in page.evaluate("heard") for one in wanted), f"{wanted}")


def cast(live_site: Site, tool: str) -> None:
    put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "ship"}).raise_for_status()


def test_it_hears_states_changes_and_what_is_gone(live_site: Site, person: Open, subscribed):
    one, other = new_tool(live_site), new_tool(live_site)
    page = subscribed(person(), one, other)
    hears(page, [one, 0], [other, 0])
    cast(live_site, one)
    hears(page, [one, 1])
    gone = request(
        "DELETE", f"{live_site.url}/v1/tools/{other}", headers=bearer(live_site, "a", "admin")
    )
    assert gone.is_success
    hears(page, [other, "delisted"])
    page.reload()
    hears(page, [one, 1], [other, "delisted"])
    page.evaluate("subscription.close()")
    cast(live_site, one)
    assert not page.said


def test_a_refused_stream_is_asked_for_again(live_site: Site, person: Open, subscribed, tool: str):
    context = person()
    refusals: list[str] = []

    def refuse_once(route: Any) -> None:
        if refusals:
            route.continue_()
        else:
            refusals.append(route.request.url)
            route.fulfill(status=503, headers={"Access-Control-Allow-Origin": "*"})

    context.route("**/v1/live*", refuse_once)
    page = subscribed(context, tool)
    hears(page, [tool, 0])
    cast(live_site, tool)
    hears(page, [tool, 1])
    assert len(refusals) == 1
