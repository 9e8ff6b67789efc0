"""Elements that name a tool by a former slug, on a page that nobody has changed since."""

from typing import Any

from tests.e2e.asking import bearer, get, put, request, unique
from tests.e2e.browser.conftest import Open, Vote, visit
from tests.e2e.browser.elements.test_votes_are_seen import embed
from tests.e2e.browser.stage import Stage
from tests.site import Site


def rename(live_site: Site, old: str) -> str:
    new = unique("renamed")
    where = f"{live_site.url}/v1/tools/{old}/rename"
    admin = bearer(live_site, "an-admin", "admin")
    answer = request("POST", where, json={"slug": new}, headers=admin)
    assert answer.status_code == 200
    seen = {"min_position": answer.json()["position"]}
    assert get(f"{live_site.url}/v1/tools/{new}", params=seen).status_code == 200
    return new


def somebody_votes(live_site: Site, tool: str, choice: str) -> None:
    assert put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": choice}).is_success


def failures(page: Any) -> list[str]:
    return [one for one in page.said if "favicon" not in one]


def test_it_goes_on_while_it_is_open_and_after(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    page = visit(person(), embed(other_site, live_site, tool))
    vote = Vote(page, tool)
    vote.shows(0, 0)
    vote.casts("ship")
    new = rename(live_site, tool)
    somebody_votes(live_site, new, "skip")
    vote.shows(1, 1, "ship")
    vote.casts("skip")
    vote.shows(0, 2, "skip")
    page.reload()
    vote.shows(0, 2, "skip")
    vote.casts("ship")
    somebody_votes(live_site, new, "ship")
    vote.shows(2, 1, "ship")
    assert failures(page) == []


def test_a_page_with_both_slugs_shows_one_tool_twice(
    live_site: Site, other_site: Stage, person: Open, tool: str
):
    new = rename(live_site, tool)
    page = visit(person(), embed(other_site, live_site, tool, new))
    for slug in (tool, new):
        Vote(page, slug).shows(0, 0)
    Vote(page, tool).casts("ship")
    for slug in (tool, new):
        Vote(page, slug).shows(1, 0, "ship")
    page.reload()
    for slug in (new, tool):
        Vote(page, slug).shows(1, 0, "ship")
    assert failures(page) == []
