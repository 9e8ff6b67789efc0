"""Equal bytes have equal ETags and other bytes have others: on every path, whatever happens, from
every process, and in every start of one."""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import httpx
import pytest
from redis import Redis

from tests.e2e.asking import api_beside, bearer, browser, get, put, request, unique
from tests.e2e.every_path import STREAM, VALUES, WITH_GET, address
from tests.polling import wait_for
from tests.site import Site, site
from votes.resources import now

TOOL, OTHER = VALUES["slug"], VALUES["a"]
NEVER_KEPT = {STREAM, "/v1/challenge", "/v1/moderation/queue", "/v1/tools/{slug:str}/cohorts"}
NEVER_KEPT |= {
    "/v1/moderation/links/{link:str}",
    "/bookmarks",
    "/bookmarks/removed",
    "/bookmarks/import",
    "/votes",
    "/moderation",
    "/status",
    "/elements.js",
}
NEVER_KEPT |= {"/collections/{public:str}", "/v1/collections/{public:str}"}  # there is none
NEVER_KEPT |= {"/panel", "/panel/{slug:str}"}
NEVER_KEPT |= {"/catalogue", "/catalogue/new", "/catalogue/tools/{slug:str}"}
NEVER_KEPT |= {"/login", "/login/back", "/logged-out"}
NEVER_KEPT |= {
    f"/digest/{page}/{{token:str}}" for page in ("confirm", "preferences", "unsubscribe")
}
OTHERWISE_KEPT = re.compile(r"/v1/me|/health/|/(sitemap|og/category)/{|.*/trend$")
DAYS = f"from={now().date()}T00:00:00Z&to={(now() + timedelta(days=3)).date()}T00:00:00Z"
"""Without a range a trend moves with the clock."""
KEPT = [
    *(path for path in WITH_GET if not OTHERWISE_KEPT.match(path)),
    *("/v1/tools?sort=trending&limit=5", "/v1/tools?sort=new", f"/v1/tools?q={TOOL}"),
    *(f"/v1/tools/{TOOL}/tally?at=1", f"/v1/tools/{TOOL}/tally?at=2026-01-01T00:00:00Z"),
    *(f"/v1/tools/{TOOL}/trend?bucket={bucket}&{DAYS}" for bucket in ("hour", "day")),
    f"/v1/tallies?tools={TOOL},{OTHER}",
    *(f"/v1/compare/{TOOL}/{OTHER}", f"/v1/tools/{OTHER}", f"/tools/{OTHER}"),
    *("/?sort=top", "/?category=llm", f"/compare?a={OTHER}", f"/og/{OTHER}-vs-{TOOL}.png"),
    *(
        f"/v1/compare?tools={TOOL},{OTHER}",
        f"/compare/claude-haiku-open-weights-vs-{OTHER}-vs-{TOOL}",
    ),
    *("/sitemap/tools-1.xml", "/og/category/llm.png"),
]
ADDRESSES = [address(path) for path in KEPT if path not in NEVER_KEPT]
SAME_NAME = {"Host": "localhost"}  # pages say by which name they were asked for


class Seen:
    """Every body that was ever answered at an address, by its tag, and every tag by its body; `now`
    are the tags that stood there after the test before."""

    def __init__(self) -> None:
        self.bodies: dict[tuple[str, str], bytes] = {}
        self.tags: dict[tuple[str, bytes], str] = {}
        self.now: dict[str, str] = {}

    def note(self, where: str, answer: httpx.Response) -> str:
        tag = answer.headers["etag"].removeprefix("W/")
        assert self.bodies.setdefault((where, tag), answer.content) == answer.content, where
        assert self.tags.setdefault((where, answer.content), tag) == tag, where
        return tag


@pytest.fixture(scope="module")
def alone() -> Iterator[Site]:
    with site(own_valkey=True) as running:
        yield running


@pytest.fixture(scope="module")
def urls(alone: Site) -> Iterator[tuple[str, str]]:
    """Two API processes."""
    with api_beside(alone, VOTES_DEMO_LOGIN="on") as beside:
        yield alone.url, beside


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


def settled(url: str) -> bool:
    """Whether all of the log is in this process's memory."""
    try:
        ready = get(f"{url}/health/ready").json()
    except httpx.HTTPError:
        return False
    return bool(ready["status"] == "ok" and ready["lag"] == 0)


def look(urls: tuple[str, str], seen: Seen, before: dict[str, str]) -> dict[str, str]:
    """The tag of each address that answers, the same from both processes; 304 is for those who
    have the very body."""
    for url in urls:
        wait_for(partial(settled, url), url)
    tags: dict[str, str] = {}
    for where in ADDRESSES:
        found = set()
        for url in urls:
            with browser(url) as http:
                http.headers.update(SAME_NAME)
                found.add(checked(http, where, seen, before.get(where)))
        assert len(found) == 1, where
        if tag := found.pop():
            tags[where] = tag
    seen.now = tags
    return tags


def checked(http: httpx.Client, where: str, seen: Seen, before: str | None) -> str | None:
    """The tag of the address, None where there is nothing any more."""
    answer = fresh(http, where)
    if answer.status_code == 404:
        return None
    tag = seen.note(where, answer)
    told = http.head(where)
    assert (told.headers["etag"], told.content) == (answer.headers["etag"], b""), where
    again = http.get(where, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b""), where
    assert again.headers["etag"] == answer.headers["etag"]
    if before is not None:
        known = http.get(where, headers={"If-None-Match": before}).status_code == 304
        assert known == (seen.bodies[where, before] == answer.content), where
    return tag


def fresh(http: httpx.Client, where: str) -> httpx.Response:
    """The answer of the models. On a machine that stands still for a while, an answer says that it
    is not sure, and has no tag."""
    answers: list[httpx.Response] = []

    def told() -> bool:
        answers.append(http.get(where))
        status, kept = answers[-1].status_code, answers[-1].headers["cache-control"]
        return status == 404 or (status == 200 and "no-store" not in kept)

    wait_for(told, where)
    return answers[-1]


def vote(site: Site) -> None:
    assert put(f"{site.url}/v1/tools/{TOOL}/vote", json={"choice": "ship"}).is_success


def vote_and_take_it_back(site: Site) -> None:
    with browser(site.url) as http:
        assert http.put(f"/v1/tools/{TOOL}/vote", json={"choice": "skip"}).is_success
        assert http.delete(f"/v1/tools/{TOOL}/vote").is_success


def review(site: Site) -> None:
    publish(site, unique("p"), 80)


def review_revise_and_withdraw(site: Site) -> None:
    persona = unique("p")
    publish(site, persona, 40)
    publish(site, persona, 60)
    path, headers = review_by(site, persona)
    assert request("DELETE", path, headers=headers).is_success


def publish(site: Site, persona: str, score: int) -> None:
    path, headers = review_by(site, persona)
    opinion = {"score": score, "choice": "ship", "body": "It does what it says."}
    assert put(path, json=opinion, headers=headers).is_success


def review_by(site: Site, persona: str) -> tuple[str, dict[str, str]]:
    headers = bearer(site, unique("panelist"), "panelist", persona=persona)
    return f"{site.url}/v1/tools/{TOOL}/reviews/{persona}", headers


def revise(site: Site) -> None:
    enter(site, TOOL)


def enter(site: Site, slug: str) -> None:
    """List the tool, or revise it."""
    entry = {"name": slug, "category": "Tests", "tagline": unique("now it is")}
    headers = bearer(site, "an-admin", "admin")
    assert put(f"{site.url}/v1/tools/{slug}", json=entry, headers=headers).is_success


def delist(site: Site, slug: str) -> None:
    headers = bearer(site, "an-admin", "admin")
    assert request("DELETE", f"{site.url}/v1/tools/{slug}", headers=headers).is_success


def rebuild(site: Site) -> None:
    assert site.votes("rebuild").returncode == 0


def lose_the_read_models(site: Site) -> None:
    with Redis.from_url(site.servers.redis_owner_url) as redis:
        redis.flushall()


def settled_anew(url: str, old: str) -> bool:
    return settled(url) and world(url) != old


def world(url: str) -> str:
    """Of which log and which models the process tells, as a stream says it."""
    with browser(url) as http, http.stream("GET", STREAM, params={"tools": TOOL}) as answer:
        for line in answer.iter_lines():
            if line.startswith("id: "):
                return line.removeprefix("id: ").rpartition("-")[0]
    raise AssertionError("a stream without a snapshot")


@pytest.mark.parametrize(
    "change", [vote, vote_and_take_it_back, review, review_revise_and_withdraw, revise]
)
def test_a_change_changes_the_tags_of_the_bodies_that_it_changes(alone, urls, seen, change):
    before = seen.now or look(urls, seen, {})
    change(alone)
    after = look(urls, seen, before)
    changed = {where for where in before if after[where] != before[where]}
    assert f"/v1/tools/{TOOL}" in changed
    assert not changed & {f"/v1/tools/{OTHER}", "/openapi.json"}


def test_a_tool_that_is_delisted_has_no_tag_until_it_is_listed_again(alone, urls, seen):
    before = seen.now or look(urls, seen, {})
    delist(alone, OTHER)
    missing = before.keys() - look(urls, seen, before).keys()
    assert {f"/tools/{OTHER}", f"/v1/tallies?tools={TOOL},{OTHER}"} <= missing
    enter(alone, OTHER)
    assert look(urls, seen, before).keys() == before.keys()


@pytest.mark.parametrize("change", [rebuild, lose_the_read_models])
def test_read_models_that_are_built_anew_keep_all_tags(alone, urls, seen, change):
    before, worlds = seen.now or look(urls, seen, {}), [world(url) for url in urls]
    change(alone)
    for url, old in zip(urls, worlds, strict=True):
        wait_for(partial(settled_anew, url, old), "the new models")
    assert look(urls, seen, before) == before


def test_a_program_that_is_started_again_keeps_all_tags(alone, urls, seen):
    before = seen.now or look(urls, seen, {})
    assert alone.stop() == 0
    alone.start("--demo", "--no-samples")
    assert look(urls, seen, before) == before


def test_what_is_not_to_be_kept_has_no_tag(alone):
    for path in NEVER_KEPT - {STREAM}:
        assert "etag" not in get(alone.url + path).headers
