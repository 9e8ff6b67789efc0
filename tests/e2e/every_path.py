"""Every path of the program, with the methods that it takes, and an address of each."""

import re

from votes.api.application import HANDLERS, NAMED_LIKE_ROUTES, openapi_json
from votes.site.application import HANDLERS as PAGES
from votes.site.assets import assets

STREAM = "/v1/live"
VALUES = {
    "slug": "notion",
    "persona": "builder",
    "ruling": "none",
    "link": "none",
    "collection_id": "none",
    "public": "none",
    "import_id": "none",
    "unmatched_id": "none",
    "token": "none",
    "a": "figma",
    "b": "notion",
    "names": "figma-vs-notion",
    "file": "notion.png",
    "digest": assets()["site.css"].hash,
    "name": "site.css",
}
QUERIES = dict.fromkeys(("/v1/tallies", "/v1/me/state", STREAM), "tools=notion")
QUERIES["/v1/compare"] = "tools=notion,figma"
QUERIES["/v1/challenge"] = "tool=notion"
QUERIES["/v1/tools/{slug:str}/cohorts"] = "claim=plan"

METHODS: dict[str, set[str]] = {STREAM: {"GET"}}
for handler in (*HANDLERS, *NAMED_LIKE_ROUTES, *PAGES, openapi_json):
    for path in handler.paths:
        METHODS.setdefault(path, set()).update(handler.http_methods)
WITH_GET = [path for path, methods in METHODS.items() if "GET" in methods]


def address(path: str, **values: str) -> str:
    query, known = QUERIES.get(path), VALUES | values
    named = re.sub(r"{(\w+):\w+}", lambda found: known[found[1]], path)
    return f"{named}?{query}" if query else named
