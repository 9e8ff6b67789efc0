"""What makes each page of a site show all that it can: long and foreign names, notes, imports that
are under way and done, votes that are held, mails that wait for a click."""

from typing import Any, NamedTuple

import httpx
import msgspec
from msgspec.structs import replace
from redis import Redis

from tests.e2e.asking import bearer, browser, new_ruling, new_tool, put, unique
from tests.e2e.catalogue.test_the_weekly_mail import token_for
from tests.polling import wait_for
from tests.site import SAME_ORIGIN, Site
from votes.views import keys
from votes.views.imports import ImportJob

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
NAMES = (LONG, "視覚的な比較と投票のための新しい道具", "أداة المقارنة السريعة للنماذج")
PEOPLE = {
    "member": ("a-reader",),
    "panelist": ("pat", "panelist"),
    "moderator": ("mo", "moderator"),
    "admin": ("an-admin", "admin"),
}
"""Who sees the pages, by role: what they are called, and what they may do."""
PERSONA = "builder"
FILE = """<!DOCTYPE NETSCAPE-Bookmark-file-1>
<DL><p>
<DT><H3>Reading</H3>
<DL><p>
<DT><A HREF="https://example.com/guide" ADD_DATE="1700000000" TAGS="later">A guide</A>
<DD>For the weekend.
</DL><p>
<DT><A HREF="https://example.org/{long}" ADD_DATE="1700000001">{long}</A>
<DT><A HREF="http://localhost/tools/{tool}" ADD_DATE="1700000002">A tool</A>
<DT><A HREF="javascript:x()">x</A>
</DL><p>
"""


class Stock(NamedTuple):
    """What addresses name: slugs, ids and tokens."""

    tool: str
    other: str
    more: str
    held: str
    delisted: str
    collection: str
    public: str
    done: str
    running: str
    unconfirmed: str
    confirmed: str


def as_role(site: Site, role: str) -> dict[str, str]:
    """The header of the one of `PEOPLE`."""
    return bearer(site, *PEOPLE[role], persona=PERSONA)


def stocked(site: Site, holding: str) -> Stock:
    """Fill the site; `holding` is the address of an API of it that holds votes."""
    tools = sorted(new_tool(site, name=name, tagline=name, category="Tests") for name in NAMES)
    with browser(site.url) as http:
        collection, public = _bookmarks(site, http, tools)
        done, running = _imports(site, http, tools[0])
        _voted(site, http, tools)
        delisted = new_tool(site)
        http.delete(f"/v1/tools/{delisted}", headers=as_role(site, "admin"))
        tool, other, more = tools
        return Stock(
            tool=tool,
            other=other,
            more=more,
            held=_held(site, holding),
            delisted=delisted,
            collection=collection,
            public=public,
            done=done,
            running=running,
            unconfirmed=_token(site, http),
            confirmed=_token(site, http, confirmed=True),
        )


def _bookmarks(site: Site, http: httpx.Client, tools: list[str]) -> tuple[str, str]:
    """The id of the collection and its public address."""
    me = as_role(site, "member")
    above = {"name": "Everything for the redesign of next year"}
    shared = {"name": LONG, "parent": "work", "public": True}
    for name, body in (("work", above), ("models", shared)):
        said = put(f"{site.url}/v1/me/collections/{name}", json=body, headers=me)
        assert said.status_code in (200, 201), said.text
    public = said.json()["public"]
    marks: list[dict[str, Any]] = [
        {"note": "Ask about the price.\n\nThen decide.", "tags": ["later", LONG[:50]]},
        {},
        {"note": LONG * 3, "tags": [f"tag {number}" for number in range(12)]},
    ]
    removed = new_tool(site)
    for tool, mark in zip([*tools, removed], [*marks, {}], strict=True):
        body = {"collection": "models", **mark}
        assert http.put(f"/v1/me/bookmarks/{tool}", json=body, headers=me).is_success
    assert http.delete(f"/v1/me/bookmarks/{removed}", headers=me).is_success
    return "models", public


def _imports(site: Site, http: httpx.Client, tool: str) -> tuple[str, str]:
    """The ids of an import that is done, and of one that stays half done."""
    me, path = as_role(site, "member"), "/v1/me/bookmarks"
    file = FILE.format(tool=tool, long=LONG).encode()
    done: str = http.post(f"{path}/import", content=file, headers=me).json()["id"]
    there = f"{path}/imports/{done}"
    wait_for(lambda: http.get(there, headers=me).json()["state"] == "done", "the import")
    running = unique("import")
    with Redis.from_url(site.servers.redis_owner_url) as redis:
        kept = redis.get(keys.import_of(site.prefix, done))
        assert isinstance(kept, bytes)
        job = msgspec.json.decode(kept, type=ImportJob)
        view = replace(job.view, id=running, state="running", done=123, total=4_567)
        job = replace(job, view=view)
        redis.set(keys.import_of(site.prefix, running), msgspec.json.encode(job))
    return done, running


def _voted(site: Site, http: httpx.Client, tools: list[str]) -> None:
    """Votes of the reader, and a review that was revised."""
    for tool in tools:
        path, me = f"/v1/tools/{tool}/vote", as_role(site, "member")
        assert http.put(path, json={"choice": "ship"}, headers=me).is_success
    review = {"score": 62, "choice": "ship", "body": f"It holds.\n\n{LONG}, {NAMES[2]}."}
    path = f"/v1/tools/{tools[0]}/reviews/{PERSONA}"
    for score in (55, 62):
        said = http.put(path, json=review | {"score": score}, headers=as_role(site, "panelist"))
        assert said.is_success, said.text


def _held(site: Site, holding: str) -> str:
    """A tool with a vote that is held; and a ruling on another one."""
    tool = new_tool(site)
    new_ruling(site)
    with browser(holding) as somebody:
        said = somebody.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
    assert said.is_success, said.text
    seen = {"min_position": said.json()["position"]}
    assert httpx.get(f"{site.url}/v1/tools/{tool}/tally", params=seen).json()["held"] == 1
    return tool


def _token(site: Site, http: httpx.Client, *, confirmed: bool = False) -> str:
    """What the links of somebody's mails end with."""
    address = f"{unique('reader')}@example.com"
    assert http.post("/digest", data={"email": address}, headers=SAME_ORIGIN).status_code == 303
    token: str = token_for(site, address)
    if confirmed:
        http.post(f"/digest/confirm/{token}", headers=SAME_ORIGIN)
    return token
