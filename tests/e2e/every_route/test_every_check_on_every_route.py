"""Every route checks what it says of itself that it has to, with the framework and without."""

from typing import get_args

import httpx
import pytest
from litestar import Litestar, put
from litestar.response.base import ASGIResponse
from litestar.testing import TestClient
from msgspec.structs import replace

from tests.e2e.asking import (
    authorization,
    bearer,
    new_link,
    new_ruling,
    new_shared_collection,
    new_tool,
    request,
    unique,
    visitor_token,
)
from tests.e2e.checks import PERSONA, People, checks, file_of_bookmarks, lacking, route_of
from tests.polling import wait_for
from votes.api.application import HANDLERS
from votes.api.examples import EXAMPLES
from votes.api.hot import HOT
from votes.api.operation import Operation, Who, operation_of
from votes.http.exchange import Http

HOT_HANDLERS = {hot.handler for hot in HOT.values()}
ROUTES = [
    *(route_of(handler) for handler in HANDLERS),
    *(route_of(handler, "and=more") for handler in HANDLERS if handler in HOT_HANDLERS),
]
WITHOUT_KEY = {"createVisitor", "eraseMe", "subscribeToDigest", "retagBookmarks", "undoBookmarks"}
WITHOUT_KEY |= {"importBookmarks"}
"""The first writes nothing, nothing remembers the second, and the others may be repeated."""


@pytest.fixture
def people(live_site, http):
    return People(
        admin=bearer(live_site, "an-admin", "admin"),
        moderator=bearer(live_site, unique("mod"), "moderator"),
        panelist=bearer(live_site, unique("pat"), "panelist", persona=PERSONA),
        other_panelist=bearer(live_site, unique("pim"), "panelist", persona="somebody-else"),
        user=bearer(live_site, unique("ada")),
        voter=authorization(visitor_token(http), "Visitor"),
    )


def new_import(http: httpx.Client, me: dict[str, str]) -> str:
    file = file_of_bookmarks(unique("page"))
    id: str = http.post("/v1/me/bookmarks/import", content=file, headers=me).json()["id"]  # noqa: A001
    return id


def new_unmatched(http: httpx.Client, me: dict[str, str]) -> str:
    """The id of a page that is no tool."""
    begun = new_import(http, me)

    def done() -> bool:
        told = http.get(f"/v1/me/bookmarks/imports/{begun}", headers=me).json()
        return bool(told["state"] == "done")

    wait_for(done, "the import")
    listed = http.get("/v1/me/bookmarks/unmatched", headers=me).json()["unmatched"]
    id: str = listed[0]["id"]  # noqa: A001
    return id


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}{r.query}")
def test_a_route_lacks_no_check(live_site, http, people, route):
    def send(method, path, **options):
        return request(method, live_site.url + path, follow_redirects=True, **options)

    def tool():
        if route.operation.links:
            return visitor_token(http)
        if "{ruling:str}" in route.path:
            return new_ruling(live_site)
        if "{link:str}" in route.path:
            return new_link(live_site)
        if "{public:str}" in route.path:
            return new_shared_collection(live_site)
        if "{import_id:str}" in route.path:
            return new_import(http, people.user)
        if "{unmatched_id:str}" in route.path:
            return new_unmatched(http, people.user)
        return unique("new") if route.operation.new_tool else new_tool(live_site)

    if route.operation.links:
        route = replace(route, body=route.body_on(tool()))
    assert lacking(send, route, people, tool) == []


def test_whatever_changes_something_says_that_it_writes():
    silent = {
        handler.operation_id
        for handler in HANDLERS
        if handler.http_methods - {"GET", "HEAD", "OPTIONS"} and not operation_of(handler).write
    }
    assert silent == WITHOUT_KEY


@pytest.mark.parametrize("who", get_args(Who))
def test_a_route_that_checks_nothing_lacks_every_check(people, who, monkeypatch):
    monkeypatch.setitem(EXAMPLES, "careless", {"body": {"choice": "ship"}})

    @put(
        "/v1/tools/{slug:str}/careless",
        operation_id="careless",
        opt=Operation(body=dict, write=True, who=who).opt,
    )
    async def careless(request: Http) -> ASGIResponse:
        return ASGIResponse(body=request.path_params["slug"].encode())

    route = route_of(careless)
    with TestClient(Litestar([careless], request_max_body_size=10**6)) as client:
        found = lacking(client.request, route, people, lambda: unique("tool"))
    named = [name for name, *_ in checks(route, people)]
    assert found == [*named, "a key used for another command", "kept by nobody"]
