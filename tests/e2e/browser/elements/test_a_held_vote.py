"""A vote that is held: the element solves the challenge without a word, and the vote counts."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.asking import browser, get, head, new_tool
from tests.e2e.browser.conftest import Measured, Open, Vote, visit
from tests.e2e.browser.stage import Stage
from tests.site import HOLDING, Site, site
from votes.config import CHALLENGE_COST


@pytest.fixture(scope="module")
def holding(other_port: int) -> Iterator[Site]:
    """A site that holds the votes of whoever comes to it now."""
    with site(VOTES_ALLOWED_ORIGINS=f"http://127.0.0.1:{other_port}", **HOLDING) as running:
        with browser(running.url) as http:
            for _ in range(3):
                assert http.post("/v1/visitors").status_code == 201
        yield running


def embed(other_site: Stage, api: str, tool: str) -> str:
    """The address of a page of another site, with the script of the API's own address."""
    script = get(f"{api}/elements.json").json()
    tag = (
        f'<script type="module" crossorigin src="{api}{script["script"]}"'
        f' integrity="{script["integrity"]}"></script>'
    )
    return other_site.show(f"/held-{tool}", f'<ship-vote tool="{tool}"></ship-vote>', api, tag)


def sent(page: Any, path: str, method: str) -> list[Any]:
    return [request for request in page.asked if path in request.url and request.method == method]


def tally_of(site: Site, tool: str) -> Any:
    """The tally with all votes that were taken."""
    seen = {"min_position": head(site)}
    return get(f"{site.url}/v1/tools/{tool}/tally", params=seen).json()


@pytest.mark.parametrize("where", ["a page of the site", "a page of another site"])
def test_it_counts_without_a_word(
    holding: Site, other_site: Stage, person: Open, measured: Measured, where: str
):
    tool = new_tool(holding)
    own = f"{holding.url}/tools/{tool}"
    page = visit(person(), own if "the site" in where else embed(other_site, holding.url, tool))
    vote = Vote(page, tool)
    vote.shows(0, 0)
    begun = time.monotonic()
    vote.casts("ship")
    measured(
        f"a vote with a proof of work on {where}: {time.monotonic() - begun:.2f} s in Chromium,"
        f" cost {CHALLENGE_COST}"
    )
    vote.shows(1, 0, "ship")
    tally = tally_of(holding, tool)
    assert (tally["ship"], tally["held"]) == (1, 0)
    assert len(sent(page, f"/v1/tools/{tool}/vote", "PUT")) == 2
    assert len(sent(page, f"/v1/challenge?tool={tool}", "GET")) == 1
    assert page.said == []


def test_a_vote_that_cannot_be_proven_is_kept_and_shown(holding: Site, person: Open):
    tool = new_tool(holding)
    context = person()
    context.route("**/v1/challenge*", lambda route: route.abort())
    page = visit(context, f"{holding.url}/tools/{tool}")
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.casts("skip")
    tally = tally_of(holding, tool)
    assert (tally["total"], tally["held"]) == (0, 1)


def test_who_is_not_held_loads_no_solver(live_site: Site, person: Open):
    tool = new_tool(live_site)
    page = visit(person(), f"{live_site.url}/tools/{tool}")
    Vote(page, tool).casts("ship")
    assert sent(page, "proof.js", "GET") == []
