"""A tool gets another slug: all goes on, and every address with the former one leads there."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.e2e.asking import (
    bearer,
    browser,
    head,
    new_tool,
    nothing_stored,
    problem,
    unique,
    visitor_token,
)
from tests.e2e.every_path import METHODS, QUERIES, STREAM, VALUES
from tests.integration.live.sse import connect, events
from tests.integration.live.test_a_stream import take
from tests.polling import wait_for
from votes.client import Votes

PERSONA = VALUES["persona"]
OTHER = VALUES["b"]
NAMING = ("slug", "a", "names", "file")
"""The parameters of paths in which a tool can be named."""
OF_OTHERS = re.compile(r"/static/|/sitemap/|/og/category/|/og/site/")
ADDRESSES = [
    path
    for path in METHODS
    if path in QUERIES
    or (any(f"{{{name}:" in path for name in NAMING) and not OF_OTHERS.search(path))
]


def address(path: str, tool: str) -> str:
    """The path with this tool in every place that names one, beside another where two are named."""
    values = {"slug": tool, "a": tool, "b": OTHER, "persona": PERSONA, "file": f"{tool}.png"}
    values["names"] = "-vs-".join(sorted((tool, OTHER)))
    for name, value in values.items():
        path = path.replace(f"{{{name}:str}}", value)
    if path == "/v1/challenge":
        return f"{path}?tool={tool}"
    if path.endswith("/cohorts"):
        return f"{path}?claim=plan&min_position=1"
    if path in QUERIES:
        return f"{path}?tools={OTHER},{tool}&min_position=1"
    return f"{path}?min_position=1"


@pytest.fixture
def staff(live_site: Any) -> dict[str, str]:
    """The headers of somebody who may do everything, from a page of the site."""
    who = bearer(live_site, "staff", "admin", "panelist", persona=PERSONA)
    return {**who, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def renamed(http: httpx.Client, live_site: Any, admin: dict[str, str]) -> tuple[str, str]:
    """A tool's former slug, and that of now."""
    old = new_tool(live_site)
    new = rename(http, admin, old)
    return old, new


def rename(http: httpx.Client, admin: dict[str, str], old: str, new: str | None = None) -> str:
    new = new or unique("renamed")
    answer = http.post(f"/v1/tools/{old}/rename", json={"slug": new}, headers=admin)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said.pop("position") > 0
    assert said == {"tool": new, "previous": old, "changed": True}
    assert at(http, answer, f"/v1/tools/{new}").json()["slug"] == new
    return new


def at(http: httpx.Client, written: httpx.Response, path: str, **more: Any) -> httpx.Response:
    """A read that has seen the write."""
    answer = http.get(path, params={"min_position": written.json()["position"], **more})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_address_with_the_former_slug_leads_to_the_one_of_now(http, renamed, staff, path):
    old, new = renamed
    for method in METHODS[path] | ({"HEAD"} if "GET" in METHODS[path] else set()):
        answer = http.request(method, address(path, old), headers=staff)
        assert answer.status_code == 308, (method, answer.status_code, answer.text)
        to = answer.headers["location"]
        assert path_of(to) == path_of(address(path, new)), method
        if path not in (STREAM, "/og/{file:str}", "/compare/{names:str}"):
            assert to == address(path, new), method
        if method == "GET" and path != STREAM:
            assert http.get(to, headers=staff).status_code == 200


def path_of(where: str) -> str:
    return where.partition("?")[0]


NAME_NONE = {"/v1/tools", "/compare", "/catalogue/tools"}
NAME_NONE |= {f"/v1/me/bookmarks/{name}" for name in ("changes", "export", "import", "unmatched")}
NAME_NONE |= {"/v1/me/bookmarks/imports/{import_id:str}"}
NAME_NONE |= {"/v1/me/bookmarks/unmatched/{unmatched_id:str}"}
NAME_NONE |= {f"/bookmarks/{name}" for name in ("removed", "retag", "undo", "change", "import")}
NAME_NONE |= {"/bookmarks/unmatched/remove"}


def test_these_are_all_the_addresses_that_name_a_tool():
    assert len(ADDRESSES) >= 17
    named = {
        path for path in METHODS if "tool" in path or "compare" in path or "bookmarks/" in path
    }
    assert named - set(ADDRESSES) == NAME_NONE


def test_the_form_to_compare_takes_a_former_slug(http, renamed):
    old, new = renamed
    answer = http.get("/compare", params={"a": old, "b": OTHER})
    assert (answer.status_code, answer.headers["location"]) == (308, f"/compare?a={new}&b={OTHER}")


def test_votes_go_on_and_a_voter_counts_once(http, live_site, admin):
    tool = new_tool(live_site)
    names = [tool]
    token = {"Authorization": f"Visitor {visitor_token(http)}"}
    for choice in ("ship", "skip", "ship"):
        for name in names:  # through every slug that it ever had
            answer = http.put(
                f"/v1/tools/{name}/vote",
                json={"choice": choice},
                headers=token,
                follow_redirects=True,
            )
            assert answer.json()["tool"] == names[-1]
            assert answer.json()["choice"] == choice
        tally = at(http, answer, f"/v1/tools/{names[-1]}/tally").json()
        assert (tally[choice], tally["total"]) == (1, 1)
        names.append(rename(http, admin, names[-1]))
    past = http.get(f"/v1/tools/{names[-1]}/tally", params={"at": tally["position"]}).json()
    assert (past["tool"], past["ship"], past["total"]) == (names[-1], 1, 1)
    trend = http.get(f"/v1/tools/{names[-1]}/trend").json()
    assert (trend["tool"], trend["buckets"][-1]["ship_total"]) == (names[-1], 1)
    state = http.get(f"/v1/me/state?tools={names[-1]}", headers=token).json()
    assert state == {names[-1]: {"vote": "ship", "bookmarked": False}}


def test_bookmarks_and_reviews_go_on(http, live_site, admin, staff):
    tool, user = new_tool(live_site), bearer(live_site, unique("reader"))
    http.put(f"/v1/me/bookmarks/{tool}", json={"note": "mine"}, headers=user)
    opinion = {"score": 70, "choice": "ship", "body": "Good."}
    http.put(f"/v1/tools/{tool}/reviews/{PERSONA}", json=opinion, headers=staff)
    new = rename(http, admin, tool)
    (kept,) = http.get("/v1/me/bookmarks", headers=user).json()["bookmarks"]
    assert (kept["tool"], kept["note"]) == (new, "mine")
    assert http.get(f"/v1/me/bookmarks?q={new}", headers=user).json()["total"] == 1
    (review,) = http.get(f"/v1/tools/{new}/reviews").json()["panel"]["reviews"]
    assert (review["persona"], review["score"]) == (PERSONA, 70)
    again = http.put(f"/v1/tools/{new}/reviews/{PERSONA}", json=opinion, headers=staff)
    assert (again.status_code, again.json()["changed"]) == (200, False)
    gone = http.delete(f"/v1/me/bookmarks/{tool}", headers=user, follow_redirects=True)
    assert gone.status_code == 204
    assert http.get("/v1/me/bookmarks", headers=user).json()["total"] == 0


def test_a_write_sent_again_after_a_renaming_is_answered_as_before(http, live_site, admin):
    tool = new_tool(live_site)
    token = {"Authorization": f"Visitor {visitor_token(http)}", "Idempotency-Key": unique("key")}

    def vote() -> httpx.Response:
        where, body = f"/v1/tools/{tool}/vote", {"choice": "ship"}
        return http.put(where, json=body, headers=token, follow_redirects=True)

    first = vote().json()
    new = rename(http, admin, tool)
    assert vote().json() == first | {"tool": new}


@pytest.mark.parametrize("by", ["its own", "a former one", "another tool's", "a delisted tool's"])
def test_a_slug_that_was_ever_taken_is_refused(http, live_site, admin, renamed, by):
    old, new = renamed
    other = new_tool(live_site)
    if by == "a delisted tool's":
        http.delete(f"/v1/tools/{other}", headers=admin)
    slug = {"its own": new, "a former one": old}.get(by, other)
    answer = http.post(f"/v1/tools/{new}/rename", json={"slug": slug}, headers=admin)
    if by == "its own":
        assert answer.json() | {"position": 0} == {
            "tool": new,
            "previous": new,
            "changed": False,
            "position": 0,
        }
    else:
        assert slug in problem(answer, 409, "slug_taken")["detail"]


def test_nothing_is_listed_under_a_former_slug(http, admin, renamed):
    old, new = renamed
    entry = {"name": "Usurper", "category": "Tests"}
    answer = http.put(f"/v1/tools/{old}", json=entry, headers=admin)
    assert (answer.status_code, answer.headers["location"]) == (308, f"/v1/tools/{new}")


@pytest.mark.parametrize("slug", ["", "A", "a b", "-a", "a/b", "x" * 101, None, 7])
def test_what_is_no_slug_is_refused(http, tool, admin, slug):
    answer = http.post(f"/v1/tools/{tool}/rename", json={"slug": slug}, headers=admin)
    problem(answer, 400, "invalid_body")


def test_only_an_admin_renames(http, tool, live_site):
    path, body = f"/v1/tools/{tool}/rename", {"slug": unique("tool")}
    problem(http.post(path, json=body), 401, "not_authenticated")
    for role in ("panelist", "moderator"):
        who = bearer(live_site, "somebody", role)
        problem(http.post(path, json=body, headers=who), 403, "forbidden")


def test_a_tool_that_is_not_listed_is_not_renamed(http, live_site, admin):
    body = {"slug": unique("tool")}
    answer = http.post("/v1/tools/no-such-tool/rename", json=body, headers=admin)
    problem(answer, 404, "tool_unknown")
    gone = new_tool(live_site)
    http.delete(f"/v1/tools/{gone}", headers=admin)
    problem(http.post(f"/v1/tools/{gone}/rename", json=body, headers=admin), 404, "tool_unknown")


def test_lists_and_searches_know_the_slug_of_now_alone(http, renamed):
    old, new = renamed

    def found(slug):
        tools = http.get("/v1/tools", params={"q": slug}).json()["tools"]
        return [tool["slug"] for tool in tools]

    wait_for(lambda: new in found(new), "the search")
    assert old not in found(old)


async def test_an_open_stream_goes_on_under_the_slug_of_now(http, live_site, admin):
    tool = new_tool(live_site)
    reader, writer = await connect(live_site.port, tool)
    stream = events(reader)
    assert {event.kind for event in await take(stream, 2)} == {"summary", "tally"}
    new = rename(http, admin, tool)
    summary, tally = await take(stream, 2)
    said = summary.kind, summary.data["slug"], summary.data["former"]
    assert said == ("summary", new, [tool])
    assert (tally.kind, tally.data["tool"], tally.data["ship"]) == ("tally", new, 0)
    http.put(f"/v1/tools/{new}/vote", json={"choice": "ship"})
    (tally,) = await take(stream, 1)
    assert (tally.kind, tally.data["tool"], tally.data["ship"]) == ("tally", new, 1)
    writer.close()


async def test_a_client_that_knows_the_former_slug_is_led_on(live_site, renamed):
    old, new = renamed
    async with Votes(live_site.url) as votes:
        assert (await votes.cast_vote(old, "ship")).tool == new
        assert (await votes.get_tool(old)).slug == new
        assert list(await votes.get_my_state(old)) == [new]
        async for event in votes.subscribe(old):
            if getattr(event.data, "tool", None) == new:
                break


def test_an_operator_renames_too(http, live_site):
    old, new = new_tool(live_site), unique("renamed")
    told = live_site.votes("rename", old, new, "--json")
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert said | {"position": 0} == {"tool": new, "previous": old, "changed": True, "position": 0}
    answer = http.get(f"/v1/tools/{old}", params={"min_position": said["position"]})
    assert answer.headers["location"].startswith(f"/v1/tools/{new}")
    again = live_site.votes("rename", old, new)
    assert (again.returncode, again.stdout) == (0, f"the slug is already {new}\n")
    for arguments, code, word in (
        ((new, old), 1, "once was"),
        (("no-such-tool", unique("a")), 1, "no tool"),
        ((new, "A B"), 2, "lower-case"),
    ):
        told = live_site.votes("rename", *arguments)
        assert (told.returncode, word in told.stderr) == (code, True), told.stderr


def test_the_same_file_imported_again_after_a_renaming_changes_nothing(
    http, live_site, admin, tmp_path
):
    tool = new_tool(live_site)
    file = tmp_path / "votes.csv"
    file.write_text(f"tool,voter,choice\n{tool},ann,ship\n{tool},bob,skip\n")
    assert live_site.votes("import", "votes", str(file)).returncode == 0
    rename(http, admin, tool)
    with nothing_stored(live_site):
        assert live_site.votes("import", "votes", str(file), "--create-tools").returncode == 0


def test_other_origins_may_follow(live_site, guarded, renamed):
    """A browser follows a redirect of another site only where both answers let it."""
    old, new = renamed
    origin = {"Origin": "https://app.example.com"}
    with browser(guarded) as http:
        seen = {"min_position": head(live_site)}
        assert http.get(f"/v1/tools/{new}", params=seen).status_code == 200
        for path in (f"/v1/tools/{old}/tally", f"/v1/live?tools={old}"):
            answer = http.get(path, headers=origin)
            assert answer.status_code == 308
            assert answer.headers["access-control-allow-origin"] == origin["Origin"]
