"""After an erasure, what a person wrote and what the login called them is found nowhere.

Canaries are planted, and looked for in every table, in Redis, in all exports, and in all files of
the servers and the logs of the processes as they are on disk.
"""

import asyncio
import contextlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.e2e.asking import bearer, browser, new_tool, unique
from tests.polling import wait_for
from tests.site import Site, site
from votes.cli.exporting import EXPORTS
from votes.resources import connect_redis
from votes.views.keys import waiting_imports

SUBJECT, NOTE, TAG, COLLECTION, NAME, PAGE = (
    unique(f"canary-{kind}")
    for kind in ("sub@example.org", "note", "tag", "collection", "name", "page")
)
ALL = (SUBJECT, NOTE, TAG, COLLECTION, NAME, PAGE)
WRITTEN = {"note": f"A {NOTE}.", "tags": [TAG], "collection": COLLECTION}
PUBLIC = unique("canary.review")
"""What everybody may read stays: it shows that the search finds."""


def forms(canary: str) -> Iterator[bytes]:
    """How it could be written: plainly, in hex, and in Base64 at each of three places."""
    text = canary.encode()
    yield text
    yield text.hex().encode()
    for shift in range(3):
        yield b64encode(b"\0" * shift + text)[4 if shift else 0 : -4]


def found_in(text: bytes, canaries: tuple[str, ...]) -> list[str]:
    return [canary for canary in canaries if any(form in text for form in forms(canary))]


async def tables(alone: Site) -> bytes:
    """All rows of all tables, as a dump has them, and everything on disk after that."""
    owner = await asyncpg.connect(alone.servers.owner_url)
    try:
        names = await owner.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace"
        )
        rows = [
            row["row"]
            for name in names
            for row in await owner.fetch(f"SELECT each::text AS row FROM {name[0]} AS each")
        ]
        await owner.execute("CHECKPOINT")
    finally:
        await owner.close()
    return "\n".join(rows).encode()


async def redis(alone: Site) -> bytes:
    """All keys and values, and what is in its files after that."""
    client = connect_redis(alone.servers.redis_owner_url)
    read: dict[bytes, Callable[[Any], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"set": client.smembers,
        b"stream": client.xrange,
    }
    try:
        await client.config_set("rdbcompression", "no")
        found = [
            repr((key, await read[await client.type(key)](key))) async for key in client.scan_iter()
        ]
        await client.save()
    finally:
        await client.aclose()
    return "\n".join(found).encode()


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """But for those that the servers remove meanwhile."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def everything(alone: Site) -> Iterator[tuple[str, bytes]]:
    """All that is stored anywhere, and where."""
    yield "tables", asyncio.run(tables(alone))
    yield "Redis", asyncio.run(redis(alone))
    for kind in EXPORTS:
        told = alone.votes("export", kind)
        assert told.returncode == 0, told.stderr
        yield f"export {kind}", (told.stdout + told.stderr).encode()
    for path, text in files(alone.data_dir.parent):
        yield str(path), text


@pytest.fixture(scope="module")
def alone() -> Iterator[Site]:
    with site(own_valkey=True, VOTES_LOG="debug") as running:
        yield running


@pytest.fixture
def http(alone: Site) -> Iterator[httpx.Client]:
    with browser(alone.url) as client:
        yield client


def imported(http: httpx.Client, me: dict, pages: list[dict], beyond: int | None = None) -> None:
    """Import the pages: all of them, or until more than so much is done."""
    begun = http.post("/v1/me/bookmarks/import", content=json.dumps(pages), headers=me)

    def told() -> bool:
        view = http.get(begun.headers["location"], headers=me).json()
        return view["state"] == "done" or (beyond is not None and view["done"] > beyond)

    wait_for(told, "the import")


def waiting(alone: Site) -> bool:
    async def read() -> int:
        async with connect_redis(alone.servers.redis_owner_url) as client:
            return await client.exists(waiting_imports(alone.prefix))

    return bool(asyncio.run(read()))


def test_it_is_found_nowhere(alone, http):
    me = bearer(alone, SUBJECT, "panelist", persona="canary")
    one, two = new_tool(alone), new_tool(alone)
    for path in (COLLECTION, f"{COLLECTION}-gone"):
        http.put(f"/v1/me/collections/{path}", json={"name": NAME, "public": True}, headers=me)
    http.delete(f"/v1/me/collections/{COLLECTION}-gone", headers=me)
    for tool in (one, two):
        assert http.put(f"/v1/me/bookmarks/{tool}", json=WRITTEN, headers=me).status_code == 201
        keyed = me | {"Idempotency-Key": "k"}
        assert http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=keyed)
    revised = WRITTEN | {"note": f"Another {NOTE}."}
    http.put(f"/v1/me/bookmarks/{one}", json=revised, headers=me)
    http.delete(f"/v1/me/bookmarks/{two}", headers=me)
    pages = [{"url": f"https://example.org/{n}", "title": f"{PAGE} {n}"} for n in range(3_000)]
    imported(http, me, pages[:1])
    review = {"score": 1, "choice": "skip", "body": PUBLIC}
    assert http.put(f"/v1/tools/{one}/reviews/canary", json=review, headers=me).status_code == 201
    http.get("/v1/me/bookmarks", params={"q": NOTE, "tag": TAG}, headers=me)
    http.get("/bookmarks", headers=me)
    told = http.get("/v1/me/export", headers=me)
    held = json.dumps(told.json())
    assert found_in(held.encode(), (*ALL, PUBLIC)) == [*ALL, PUBLIC]
    exported = alone.votes("export", "bookmarks").stdout
    assert found_in(exported.encode(), ALL) == [NOTE, TAG, COLLECTION]

    imported(http, me, pages, beyond=0)
    assert http.delete("/v1/me", headers=me).status_code == 204
    wait_for(lambda: not waiting(alone), "the end of the import")

    seen = {where: text for where, text in everything(alone) if where}
    assert len(seen) > 1_000
    left = {where: found_in(text, ALL) for where, text in seen.items()}
    assert {where: canaries for where, canaries in left.items() if canaries} == {}
    public = [where for where, text in seen.items() if found_in(text, (PUBLIC,))]
    assert {"tables", "Redis", "export events"} <= set(public)
    assert any("/base/" in where for where in public)
    assert any("pg_wal" in where for where in public)
    assert http.get("/v1/me/export", headers=me).json() == {
        "id": SUBJECT,
        "since": None,
        "votes": [],
        "bookmarks": [],
        "collections": [],
        "unmatched": [],
        "acts": [],
        "links": [],
    }
    assert alone.votes("verify").returncode == 0
    assert alone.votes("rebuild").returncode == 0
