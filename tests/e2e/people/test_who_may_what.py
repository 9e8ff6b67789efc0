"""Who may what: everybody asks every route and page, about things that somebody else has."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

import httpx
import msgspec
import pytest
from msgspec import Struct

from tests.e2e.asking import authorization, bearer, browser, new_tool, unique, visitor_token
from tests.e2e.checks import JSON, PERSONA, Headers, route_of
from tests.e2e.every_path import METHODS, address
from tests.polling import wait_for
from votes.api.application import HANDLERS
from votes.site.forms import FORM_TYPE

Role = Literal[
    "nobody", "visitor", "user", "moderator", "admin", "panelist", "another panelist", "service"
]
ROLES: tuple[Role, ...] = get_args(Role)
Statuses = Mapping[Role, int]


def everybody(status: int) -> dict[Role, int]:
    return dict.fromkeys(ROLES, status)


def users(status: int) -> dict[Role, int]:
    return {**everybody(status), "nobody": 401, "visitor": 401}


def only(status: int, *roles: Role) -> Statuses:
    return users(403) | dict.fromkeys(roles, status)


MODERATORS: tuple[Role, ...] = ("moderator", "admin")
NAMED_LIKE_ROUTES = ("changes", "export", "import", "unmatched")
"""No tool is named so."""
MAY: Mapping[str, Statuses] = {
    **{f"PUT /v1/me/bookmarks/{slug}": users(404) for slug in NAMED_LIKE_ROUTES},
    **{f"DELETE /v1/me/bookmarks/{slug}": users(204) for slug in NAMED_LIKE_ROUTES},
    "GET /v1/tools": everybody(200),
    "GET /v1/suggest": everybody(200),
    "GET /v1/tools/{slug}": everybody(200),
    "PUT /v1/tools/{slug}": only(200, "admin"),
    "DELETE /v1/tools/{slug}": only(204, "admin"),
    "POST /v1/tools/{slug}/rename": only(200, "admin"),
    "GET /v1/tools/{slug}/tally": everybody(200),
    "GET /v1/tallies": everybody(200),
    "GET /v1/tools/{slug}/cohorts": only(200, *MODERATORS),
    "GET /v1/tools/{slug}/trend": everybody(200),
    "GET /v1/compare/{a}/{b}": everybody(200),
    "GET /v1/compare": everybody(200),
    "GET /v1/live": everybody(200),
    "GET /v1/tools/{slug}/reviews": everybody(200),
    "PUT /v1/tools/{slug}/reviews/{persona}": only(200, "panelist"),
    "DELETE /v1/tools/{slug}/reviews/{persona}": only(204, "panelist"),
    "GET /v1/me/reviews": only(200, "panelist", "another panelist"),
    "GET /v1/me/reviews/missing": only(200, "panelist", "another panelist"),
    "GET /v1/me/reviews/{slug}/revisions": only(200, "panelist", "another panelist"),
    "PUT /v1/tools/{slug}/vote": everybody(200),
    "DELETE /v1/tools/{slug}/vote": everybody(200),
    "POST /v1/visitors": everybody(201),
    "GET /v1/challenge": everybody(200),
    "GET /v1/rulings": everybody(200),
    "POST /v1/rulings": only(201, *MODERATORS),
    "DELETE /v1/rulings/{ruling}": only(204, *MODERATORS),
    "GET /v1/moderation/queue": only(200, *MODERATORS),
    "GET /v1/moderation/links/{link}": only(200, *MODERATORS),
    "DELETE /v1/moderation/links/{link}": only(204, *MODERATORS),
    "GET /v1/me": everybody(200),
    "DELETE /v1/me": users(204),
    "GET /v1/me/state": everybody(200),
    "GET /v1/me/export": users(200),
    "POST /v1/me/link": users(200),
    "GET /v1/me/votes": everybody(200),
    "GET /v1/me/bookmarks": users(200),
    "PUT /v1/me/bookmarks/{slug}": users(201),
    "DELETE /v1/me/bookmarks/{slug}": users(204),
    "GET /v1/me/bookmarks:labels": users(200),
    "GET /v1/me/bookmarks:removed": users(200),
    "GET /v1/me/bookmarks/changes": users(200),
    "POST /v1/me/bookmarks/import": users(202),
    "GET /v1/me/bookmarks/imports/{import_id}": users(404),
    "GET /v1/me/bookmarks/export": users(200),
    "GET /v1/me/bookmarks/unmatched": users(200),
    "DELETE /v1/me/bookmarks/unmatched/{unmatched_id}": users(204),
    "POST /v1/me/bookmarks:batch": users(200),
    "POST /v1/me/bookmarks:retag": users(200),
    "POST /v1/me/bookmarks:undo": users(200),
    "GET /v1/me/collections": users(200),
    "PUT /v1/me/collections/{collection_id}": users(201),
    "DELETE /v1/me/collections/{collection_id}": users(204),
    "GET /v1/collections/{public}": everybody(404),
    "GET /collections/{public}": everybody(404),
    "GET /health/live": everybody(200),
    "GET /health/ready": everybody(200),
    "GET /": everybody(200),
    "GET /tools/{slug}": everybody(200),
    "GET /tools/{slug}/badge": everybody(200),
    "GET /tools/{slug}/badge.svg": everybody(200),
    "GET /bookmarks": everybody(200),
    "GET /bookmarks/removed": everybody(200),
    "GET /bookmarks/import": everybody(200),
    "POST /bookmarks/import": users(415),  # without a file
    "POST /bookmarks/unmatched/remove": users(303),
    "POST /privacy/erase": users(200),  # it asks first
    "GET /elements/words.js": everybody(200),
    "POST /bookmarks/change": users(303),
    "POST /bookmarks/{slug}/edit": users(412),  # there is none as the form has it
    "POST /bookmarks/retag": users(303),
    "POST /bookmarks/undo": users(303),
    "POST /bookmarks/{slug}/move": users(404),  # there is none
    "POST /me/collections": users(303),
    "POST /me/collections/{collection_id}/edit": users(404),
    "POST /me/collections/{collection_id}/move": users(404),
    "POST /me/collections/{collection_id}/remove": users(303),
    "GET /votes": everybody(200),
    "GET /status": everybody(200),
    "GET /feed.xml": everybody(200),
    "GET /compare/{names}": everybody(200),
    "GET /compare": everybody(200),
    "GET /verdicts": everybody(200),
    "GET /about": everybody(200),
    "GET /privacy": everybody(200),
    "GET /docs": everybody(200),
    "POST /tools/{slug}/vote": everybody(303),
    "POST /tools/{slug}/bookmark": users(303),
    "GET /rulings": everybody(200),
    "GET /moderation": only(200, *MODERATORS),
    "POST /moderation/preview": only(200, *MODERATORS),
    "POST /moderation/rulings": only(303, *MODERATORS),
    "POST /moderation/rulings/{ruling}/lift": only(303, *MODERATORS),
    "GET /panel": only(200, "panelist", "another panelist"),
    "GET /panel/{slug}": only(200, "panelist", "another panelist"),
    "POST /panel/{slug}": only(303, "panelist", "another panelist"),
    "GET /catalogue": only(200, "admin"),
    "GET /catalogue/new": only(200, "admin"),
    "GET /catalogue/tools/{slug}": only(200, "admin"),
    "POST /catalogue/tools": only(303, "admin"),
    "POST /catalogue/tools/{slug}/rename": only(303, "admin"),
    "POST /catalogue/tools/{slug}/delist": only(303, "admin"),
    "POST /v1/digest/subscriptions": everybody(202),
    "GET /digest": everybody(200),
    "POST /digest": everybody(303),
    "GET /digest/confirm/{token}": everybody(404),
    "POST /digest/confirm/{token}": everybody(404),
    "GET /digest/preferences/{token}": everybody(404),
    "POST /digest/preferences/{token}": everybody(404),
    "GET /digest/unsubscribe/{token}": everybody(200),
    "POST /digest/unsubscribe/{token}": everybody(200),
    "GET /login": everybody(200),
    "POST /login": everybody(303),
    "GET /login/back": everybody(404),
    "POST /logout": everybody(303),
    "GET /logged-out": everybody(200),
    "GET /static/{digest}/{name}": everybody(200),
    "GET /elements.json": everybody(200),
    "GET /elements.js": everybody(302),
    "GET /og/{file}": everybody(200),
    "GET /og/site/home.png": everybody(200),
    "GET /og/category/{file}": everybody(404),
    "GET /favicon.ico": everybody(200),
    "GET /apple-touch-icon.png": everybody(200),
    "GET /robots.txt": everybody(200),
    "GET /sitemap.xml": everybody(200),
    "GET /sitemap/pages.xml": everybody(200),
    "GET /sitemap/{file}": everybody(400),
    "GET /openapi.json": everybody(200),
}
"""What comes of a good request: of a method and a path, from each role."""

RULING = {"tool": "TOOL", "what": "discount", "reason": "A test."}
FORMS = {
    "POST /tools/{slug}/vote": {"choice": "ship"},
    "POST /tools/{slug}/bookmark": {"bookmarked": "yes"},
    "POST /bookmarks/unmatched/remove": {"id": "none"},
    "POST /bookmarks/change": {"do": "tag", "tag": "x", "tool": "TOOL"},
    "POST /bookmarks/{slug}/edit": {"note": "x"},
    "POST /bookmarks/retag": {"tag": "x", "to": "y"},
    "POST /bookmarks/undo": {"after": "0", "until": "1"},
    "POST /bookmarks/{slug}/move": {"to": "up"},
    "POST /me/collections": {"name": "x"},
    "POST /me/collections/{collection_id}/edit": {"name": "x"},
    "POST /me/collections/{collection_id}/move": {"to": "up"},
    "POST /login": {"as": "member"},
    "POST /panel/{slug}": {"act": "publish", "score": "40", "choice": "skip"},
    "POST /catalogue/tools": {"slug": "TOOL", "name": "TOOL", "category": "Notes", "sure": "yes"},
    "POST /catalogue/tools/{slug}/rename": {"to": "TOOL-2", "sure": "yes"},
    "POST /catalogue/tools/{slug}/delist": {"sure": "yes"},
    "POST /digest": {"email": "ada@example.com"},
    "POST /moderation/preview": RULING,
    "POST /moderation/rulings": RULING,
}
"""The fields of each form that has some."""
LINK = "POST /v1/me/link"
MINE = [name for name in MAY if "/v1/me" in name or name.endswith(("/vote", "/bookmark"))]
MINE.remove(LINK)
MINE.remove("GET /v1/me/reviews/missing")  # of all tools, also of those made meanwhile
"""What is about the one who asks alone, and about tools."""


def named(method: str, path: str) -> str:
    return f"{method} {re.sub(r':[a-z]+}', '}', path)}"


ROUTES = {
    named(method, path): (method, path)
    for path, methods in METHODS.items()
    for method in methods - {"HEAD", "OPTIONS"}
}
BODIES = {
    named(route.method, route.path): route
    for route in map(route_of, HANDLERS)
    if route.body or route.operation.file
}


class Things(Struct, frozen=True):
    """A tool with a vote and a bookmark of its `owner`, a review by a persona, a ruling, and a link
    of a visitor to the owner; and the token of another visitor."""

    tool: str
    owner: Headers
    ruling: str = "none"
    visitor: str = ""
    link: str = "0"


def good(name: str, things: Things) -> tuple[str, str, Headers, bytes]:
    """The method, the address, the headers and the body of a good request about the things."""
    method, path = ROUTES[name]
    where = address(path, slug=things.tool, a=things.tool, ruling=things.ruling, link=things.link)
    where = where.replace("/collections/none", f"/collections/{unique('mine')}")
    where = re.sub("tools?=notion", lambda found: f"{found[0][:-6]}{things.tool}", where)
    if name in BODIES:
        about = things.visitor if name == LINK else things.tool
        return method, where, JSON, BODIES[name].body_on(about)
    if path.startswith("/v1/") or method == "GET":
        return method, where, {}, b""
    fields = FORMS.get(name, {})
    said = "&".join(f"{field}={text}" for field, text in fields.items())
    return method, where, {"Content-Type": FORM_TYPE}, said.replace("TOOL", things.tool).encode()


@pytest.fixture(scope="module")
def people(live_site) -> dict[Role, Headers]:
    with browser(live_site.url) as http:
        token = visitor_token(http)
    return {
        "nobody": {},
        "visitor": authorization(token, "Visitor"),
        "user": bearer(live_site, unique("ada")),
        "moderator": bearer(live_site, unique("mod"), "moderator"),
        "admin": bearer(live_site, unique("root"), "admin"),
        "panelist": bearer(live_site, unique("pat"), "panelist", persona=PERSONA),
        "another panelist": bearer(live_site, unique("pim"), "panelist", persona="somebody-else"),
        "service": bearer(live_site, unique("crm"), "service"),
    }


@pytest.fixture
def things(live_site, people) -> Things:
    """Things of somebody who is none of the people, but for the persona of the panelist."""
    tool, owner = new_tool(live_site), bearer(live_site, unique("owner"))
    review = {"score": 90, "choice": "ship", "body": "Good."}
    said = {"tool": tool, "selector": {}, "verdict": "release", "reason": "A test."}
    with browser(live_site.url) as http:
        written = [
            http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"}, headers=owner),
            http.put(f"/v1/me/bookmarks/{tool}", json={"note": "Mine."}, headers=owner),
            http.put(
                f"/v1/tools/{tool}/reviews/{PERSONA}", json=review, headers=people["panelist"]
            ),
            http.post("/v1/rulings", json=said, headers=people["moderator"]),
        ]
        last = written[-1].json()
        http.get("/v1/rulings", params={"min_position": last["position"]})
    assert {answer.status_code for answer in written} <= {200, 201}
    with browser(live_site.url) as http:
        linked = http.post("/v1/me/link", json={"visitor": visitor_token(http)}, headers=owner)
        return Things(tool, owner, last["id"], visitor_token(http), linked.json()["link"])


def asked(url: str, who: Headers, method: str, where: str, *sent: Any) -> httpx.Response:
    """The response, of a stream its beginning. Nothing is kept from one request to the next, and
    an import has ended: few may wait at a time."""
    headers, body = sent
    with browser(url) as http:
        with http.stream(method, where, headers={**headers, **who}, content=body) as answer:
            if "event-stream" not in answer.headers.get("content-type", ""):
                answer.read()
        if answer.status_code == 202 and (job := answer.headers.get("location")):
            wait_for(lambda: has_ended(http.get(job, headers=who)), "the import")
        return answer


def has_ended(job: httpx.Response) -> bool:
    return job.json()["state"] in ("done", "failed")


def statuses(url: str, people: Mapping[Role, Headers], name: str, things: Things) -> Statuses:
    """What comes of a good request about the things, from each role."""
    return {
        role: asked(url, people[role], *good(name, things)).status_code
        for role in sorted(ROLES, key=MODERATORS.__contains__)  # the last ones may end the things
    }


def test_every_route_stands_in_the_table():
    assert ROUTES.keys() == MAY.keys()


@pytest.mark.parametrize("name", MAY)
def test_each_role_may_what_the_table_says(live_site, people, things, name):
    """A user writes a new bookmark where somebody else has one: it is their own."""
    assert statuses(live_site.url, people, name, things) == MAY[name]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_admins_and_services_vote_on_behalf_of_others(live_site, people, things, method):
    other = unique("crm:")
    where = f"/v1/tools/{things.tool}/vote"
    body = msgspec.json.encode({"choice": "ship", "on_behalf_of": other})
    query, body = ("", body) if method == "PUT" else (f"?on_behalf_of={other}", b"")
    for role, status in only(200, "admin", "service").items():
        answer = asked(live_site.url, people[role], method, where + query, JSON, body)
        assert answer.status_code == status, role


def told(answer: httpx.Response, tool: str) -> Any:
    """What an answer tells, but for the tool and the time, and where the log stood after a write.
    Who I am is told to me alone."""
    said = f"{answer.headers.get('location', '')} {answer.text}".replace(tool, "TOOL")
    said = re.sub(r'("(added_at|changed_at|etag|id|rank|public)":)"[^"]*"', "", said)
    said = re.sub(r"/imports/[\w-]+", "", said)
    said = re.sub(r'("position":|min_position=)[1-9]\d*', "", said)
    return answer.status_code, said, answer.headers.get("votes-position") == "0"


@pytest.mark.parametrize("name", MINE)
def test_nothing_tells_of_what_somebody_else_has(live_site, things, name):
    """Each role is told of a tool with things of somebody else what it is told of a tool with
    nothing, and these things are afterwards what they were."""

    def held() -> bytes:
        with browser(live_site.url) as http:
            export = http.get("/v1/me/export", headers=things.owner)
        assert b"Mine." in export.content
        return export.content

    bare, before = Things(new_tool(live_site), {}), held()
    for role in ("user", "moderator", "admin", "panelist", "service"):
        seen = []
        for about in (things, bare):
            stranger = bearer(live_site, unique("stranger"), role, persona="somebody-else")
            answer = asked(live_site.url, stranger, *good(name, about))
            seen.append(told(answer, about.tool))
        assert seen[0] == seen[1], role
    assert held() == before
