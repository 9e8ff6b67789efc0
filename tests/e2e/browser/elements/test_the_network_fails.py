"""The network, the API or the vote itself fails, and the page ends up telling the truth."""

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import expect

from tests.e2e.asking import get, put
from tests.e2e.browser.conftest import Measured, Open, Vote, visit
from tests.polling import wait_for
from tests.site import Site

OFFLINE_S = 20
DOCS = Path(__file__).parents[4] / "docs" / "frontend.md"


def cast(live_site: Site, tool: str, choice: str) -> None:
    """A vote of somebody else."""
    answer = put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": choice})
    assert answer.status_code == 200


def test_a_page_that_was_offline_catches_up_and_sends_its_vote(
    live_site: Site, person: Open, tool: str, measured: Measured
):
    context = person()
    page = visit(context, f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.shows(0, 0)
    context.set_offline(True)
    gone = time.monotonic()
    cast(live_site, tool, "skip")
    vote.ship.click()
    expect(vote.status).to_have_text("Not saved yet, trying again")
    page.wait_for_timeout(1_000 * (OFFLINE_S - (time.monotonic() - gone)))
    context.set_offline(False)
    back = time.monotonic()
    vote.shows(1, 1, "ship")
    expect(vote.status).to_have_text("Your vote: ship")
    measured(f"after {OFFLINE_S} s offline the page is right in {time.monotonic() - back:.1f} s")


def api_of(live_site: Site) -> int:
    """The process that supervises the API's workers."""
    assert live_site.process is not None
    found = Path(f"/proc/{live_site.process.pid}/task/{live_site.process.pid}/children")
    for child in found.read_text().split():
        if "api" in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            return int(child)
    raise AssertionError("there is no API")


def ready(live_site: Site) -> bool:
    try:
        return get(f"{live_site.url}/health/ready", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_page_outlives_the_api(live_site: Site, person: Open, tool: str, measured: Measured):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.ship.click()
    vote.shows(1, 0, "ship")
    expect(vote.status).to_have_text("Your vote: ship")
    os.killpg(api_of(live_site), signal.SIGKILL)
    vote.skip.click()
    wait_for(lambda: ready(live_site), "the API to be back")
    cast(live_site, tool, "ship")
    back = time.monotonic()
    vote.shows(1, 1, "skip")
    expect(vote.status).to_have_text("Your vote: skip")
    measured(f"after a kill of the API the page is right {time.monotonic() - back:.1f} s later")


def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_key(
    live_site: Site, person: Open, tool: str
):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.casts("ship")
    keys: list[str] = []

    def lose(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort()
        elif len(keys) == 2:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    page.route("**/vote", lose)
    vote.casts("skip")
    vote.shows(0, 1, "skip")
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_a_refused_vote_is_rolled_back_with_the_reason(live_site: Site, person: Open, tool: str):
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    reason = "The panel votes by reviews."
    page.route(
        "**/vote",
        lambda route: route.fulfill(
            status=403, json={"detail": reason}, content_type="application/problem+json"
        ),
    )
    vote = Vote(page, tool)
    vote.ship.click()
    expect(vote.status).to_have_text(reason)
    expect(vote.status).to_be_visible()
    vote.shows(0, 0)


def test_a_tool_that_is_not_there_does_not_silence_the_others(
    live_site: Site, person: Open, other_site: Any, tool: str
):
    body = "".join(
        f'<ship-vote tool="{name}" api="{live_site.url}"></ship-vote>'
        for name in ("not-there", tool)
    )
    page = visit(person(), other_site.show(f"/missing-{tool}", body, live_site.url))
    expect(Vote(page, "not-there").caption).to_have_text("Not listed")
    expect(Vote(page, "not-there").ship).to_be_disabled()
    Vote(page, tool).shows(0, 0)
    cast(live_site, tool, "ship")
    Vote(page, tool).shows(1, 0)


def test_a_page_written_after_the_docs_outlives_a_refused_stream(
    live_site: Site, person: Open, other_site: Any, tool: str
):
    script = re.findall(r"```js\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]
    script = script.replace("https://votes.example.com", live_site.url)
    script = script.replace("mistral-3-small", tool).replace("5_000 + 10_000", "100 + 100")
    script = script.replace("console.log(", "heard.push(")
    other_site.scripts[f"/{tool}.js"] = f"globalThis.heard = [];\n{script}".encode()
    context = person()
    refused: list[str] = []

    def refuse_first(route: Any) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503, headers={"Access-Control-Allow-Origin": "*"}, body="{}")

    context.route("**/v1/live*", refuse_first)
    source = f'<script type="module" src="/{tool}.js"></script>'
    page = context.new_page()
    page.goto(other_site.show(f"/docs-{tool}", "", live_site.url, source))
    wait_for(lambda: page.evaluate("heard.length"), "a tally")
    assert len(refused) == 1
