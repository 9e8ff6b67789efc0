"""Thousands of hostile requests, some never finished: no 5xx, no new event, nothing is stuck."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable

import pytest

from tests.e2e import raw
from tests.e2e.asking import (
    NOT_BY_WORKER,
    authorization,
    bearer,
    events,
    get,
    last,
    new_tool,
    put,
    secrets_of,
    unique,
)
from tests.polling import wait_for
from tests.running.lengths import length
from votes.http.logins.tokens import VisitorTokens, new_visitor
from votes.resources import now

REQUESTS = length(2_000, 10_000)
AT_ONCE = 16
HALF_OPEN = 64
ANSWER_S = 30
UNIT = "\x00\x01\n\r\t \"'%\\/.;:=<>{}[]&?#é\u202e\ud7ff😀"
JSON = "application/json"
SHIP = '{"choice":"ship"}'
WRONG = '{"choice":"shop"}'
METHODS = (
    "GET",
    "PUT",
    "POST",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "HEAD",
    "TRACE",
    "PROPFIND",
    "get",
    "*",
)
PATHS = (
    "/v1/tools/notion/vote",
    "/v1/tools/notion/tally",
    "/v1/tallies?tools=notion",
    "/v1/me/state?tools=notion",
    "/v1/me/bookmarks/notion",
    "/v1/tools/notion/reviews/somebody",
    "/v1/rulings",
    "/v1/visitors/",
    "/v1/tools",
    "/tools/notion",
    "/compare/notion/slack",
    "/openapi.json",
    "/",
)
Hostile = Callable[[random.Random, "Known"], bytes]


class Known:
    """What the attackers have: a true token of a visitor and one of a user."""

    def __init__(self, site) -> None:
        tokens = VisitorTokens([secrets_of(site)["secret_key"].encode()])
        self.visitor = tokens.token(new_visitor(now(), crowded=False))
        self.user = bearer(site, unique("user"))["Authorization"].partition(" ")[2]


def noise(rng: random.Random, most: int = 40) -> str:
    return "".join(rng.choice(UNIT + "abcXYZ019-_") for _ in range(rng.randint(1, most)))


def line(text: str) -> str:
    """Noise that stays within a line of a head."""
    return "".join(letter for letter in text if letter not in "\r\n\0")


def changed(rng: random.Random, text: str) -> str:
    """The text with some letters changed, left out or doubled; never the same to a server, which
    takes off the spaces around a field."""
    while True:
        letters = list(text)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(letters))
            letters[at] = rng.choice(("", letters[at] * 2, rng.choice(UNIT + "aZ09-_.")))
        if line(new := "".join(letters)).strip().rstrip("=") != text:
            return new


def vote(body: bytes, **headers: str) -> bytes:
    fields = {"Content_Type": JSON, "Content_Length": str(len(body))} | headers
    return raw.head("PUT", "/v1/tools/notion/vote", **fields) + body


def a_changed_body(rng: random.Random, _: Known) -> bytes:
    while True:
        body = changed(rng, SHIP)
        with contextlib.suppress(ValueError):
            if json.loads(body) in ({"choice": "ship"}, {"choice": "skip"}):
                continue
        return vote(body.encode("utf-8", "surrogatepass"))


def a_deep_body(rng: random.Random, _: Known) -> bytes:
    opening = rng.choice(("[", '{"choice":', '{"a":[', "[{}, "))
    return vote(opening.encode() * rng.randint(1, 1_300))


def a_large_number(rng: random.Random, _: Known) -> bytes:
    number = rng.choice(
        ("9" * rng.randint(1, 9_000), "1e" + "9" * 9, "-0", "NaN", "1." + "0" * 5_000)
    )
    return vote(f'{{"choice":{number}}}'.encode())


def random_bytes(rng: random.Random, _: Known) -> bytes:
    return vote(rng.randbytes(rng.randint(1, 2_000)))


def a_changed_user(rng: random.Random, known: Known) -> bytes:
    return vote(SHIP.encode(), **authorization(line(changed(rng, known.user))))


def a_changed_visitor(rng: random.Random, known: Known) -> bytes:
    return vote(SHIP.encode(), **authorization(line(changed(rng, known.visitor)), "Visitor"))


def a_scheme(rng: random.Random, known: Known) -> bytes:
    return vote(SHIP.encode(), Authorization=line(f"x{noise(rng)} {known.user}"))


def a_cookie(rng: random.Random, known: Known) -> bytes:
    cookie = rng.choice((f"visitor={changed(rng, known.visitor)}", noise(rng, 200), "=;" * 500))
    return vote(WRONG.encode(), Cookie=line(cookie), Sec_Fetch_Site="same-origin")


def a_path(rng: random.Random, _: Known) -> bytes:
    path = rng.choice((f"/v1/tools/{noise(rng)}/vote", f"/{noise(rng, 200)}", "/" * 3_000))
    return raw.head(rng.choice(METHODS), line(path).replace(" ", "%20"))


def a_query(rng: random.Random, _: Known) -> bytes:
    path = rng.choice(PATHS).partition("?")[0]
    query = rng.choice((noise(rng, 300), f"min_position={noise(rng)}", f"tools={noise(rng)}&" * 50))
    return raw.head("GET", line(f"{path}?{query}").replace(" ", "+"))


def a_header(rng: random.Random, _: Known) -> bytes:
    name = rng.choice(
        (
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "Expect",
            "Origin",
            "Range",
            "X-Forwarded-For",
            "If-None-Match",
            "Idempotency-Key",
            "Upgrade",
            "Accept",
        )
    )
    fields = f"{name}: {line(noise(rng, 300))}\r\n" * rng.randint(1, 3)
    start, end, rest = vote(WRONG.encode()).partition(b"\r\n")
    return start + end + fields.encode("utf-8", "surrogatepass") + rest


def many_headers(rng: random.Random, _: Known) -> bytes:
    fields = {f"X-{number}": "a" * rng.randint(1, 400) for number in range(rng.randint(1, 150))}
    return vote(WRONG.encode(), **fields)


def no_http(rng: random.Random, _: Known) -> bytes:
    return rng.randbytes(rng.randint(1, 500)) + b"\r\n\r\n"


def chunks(rng: random.Random, _: Known) -> bytes:
    said = raw.head("PUT", "/v1/tools/notion/vote", Content_Type=JSON, Transfer_Encoding="chunked")
    return said + rng.choice(
        (b"zz\r\n", b"-1\r\n", b"ffffffffffffffff\r\n", b"5\r\nab\r\n0\r\n\r\n")
    )


def a_method(rng: random.Random, known: Known) -> bytes:
    """A form of another site, or a method that is not there; with a true user."""
    path = rng.choice(PATHS).partition("?")[0]
    method = rng.choice(("PATCH", "TRACE", "PROPFIND", line(noise(rng, 8)).replace(" ", "")))
    return raw.head(method or "X", path, **authorization(known.user))


HOSTILE: tuple[Hostile, ...] = (
    a_changed_body, a_deep_body, a_large_number, random_bytes, a_changed_user, a_changed_visitor,
    a_scheme, a_cookie, a_path, a_query, a_header, many_headers, no_http, chunks, a_method,
)  # fmt: skip


UNFINISHED = (a_header, no_http, chunks)
"""The server may wait for more of these, until we close."""


async def status_of(port: int, request: bytes, *, leave: bool) -> int:
    """The status of the response; 0 where the server closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        if leave:
            writer.write_eof()
        async with asyncio.timeout(ANSWER_S):
            first = await reader.readline()
        return int(first.split()[1]) if first.startswith(b"HTTP/") else 0
    except (ConnectionError, asyncio.LimitOverrunError):
        return 0
    finally:
        writer.transport.abort()


async def attack(port: int, known: Known, seed: int) -> dict[str, Counter[int]]:
    rng = random.Random(seed)
    statuses: dict[str, Counter[int]] = {}
    todo = iter([HOSTILE[number % len(HOSTILE)] for number in range(REQUESTS)])

    async def attacker() -> None:
        for hostile in todo:
            leave = hostile in UNFINISHED
            status = await status_of(port, hostile(rng, known), leave=leave)
            statuses.setdefault(hostile.__name__, Counter())[status] += 1

    await asyncio.gather(*(attacker() for _ in range(AT_ONCE)))
    return statuses


@pytest.mark.parametrize("seed", range(length(1, 2)))
async def test_they_do_no_harm(live_site, seed, measured):
    tool, known = new_tool(live_site), Known(live_site)
    before = await asyncio.to_thread(last, live_site)
    unfinished = [
        b"PUT /v1/tools/notion/vote HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
        vote(SHIP.encode())[:-3],
        b"G",
        b"",
    ]
    half_open = [raw.connect(live_site.port) for _ in range(HALF_OPEN)]
    try:
        for number, sock in enumerate(half_open):
            sock.sendall(unfinished[number % len(unfinished)])
        statuses = await attack(live_site.port, known, seed)
    finally:
        for sock in half_open:
            sock.close()
    every = sum(statuses.values(), Counter())
    measured(f"{sum(every.values())} hostile requests: {dict(sorted(every.items()))}")
    assert {name: found for name, found in statuses.items() if max(found) >= 500} == {}
    assert statuses.keys() == {hostile.__name__ for hostile in HOSTILE}
    for refused in (a_changed_user, a_changed_visitor, a_scheme):
        assert statuses[refused.__name__].keys() <= {400, 401}, refused
    assert {name for name, found in statuses.items() if 0 in found} <= {
        hostile.__name__ for hostile in UNFINISHED
    }
    assert await asyncio.to_thread(events, live_site, NOT_BY_WORKER, before) == 0
    answer = put(f"{live_site.url}/v1/tools/{tool}/vote", json={"choice": "ship"})
    assert answer.status_code == 200
    tally = f"{live_site.url}/v1/tools/{tool}/tally"
    wait_for(lambda: get(tally).json()["ship"] == 1, "the vote in the tally")
