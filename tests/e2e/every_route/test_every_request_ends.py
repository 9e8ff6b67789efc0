"""No connection and no request is open for ever: heads that do not come, connections that wait, and
whatever a response waits for. Beside bodies (`test_bodies_that_do_not_arrive.py`)."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tests.e2e import raw
from votes.cli.serve import HEAD_MS
from votes.config import Config
from votes.http.edge import requests as edge
from votes.site.application import create_site
from votes.site.html import problem_pages

HEAD_S = HEAD_MS / 1_000
LINES = int(2 * HEAD_S)
ALIVE = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n"

Took = tuple[bytes, float]


def sent(port: int, request: bytes, feed: Callable[[socket.socket], None] | None = None) -> Took:
    """What comes until the server closes the connection, and after how many seconds it does."""
    began = time.monotonic()
    with raw.connect(port) as connection:
        connection.sendall(request)
        if feed is not None:
            threading.Thread(target=feed, args=(connection,), daemon=True).start()
        got = b""
        while part := received(connection):
            got += part
        return got, time.monotonic() - began


def received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


def trickle(connection: socket.socket) -> None:
    """A header each second, and never the last."""
    for number in range(LINES):
        try:
            connection.sendall(b"X-%d: a\r\n" % number)
        except OSError:
            return
        threading.Event().wait(1)


@pytest.fixture(scope="module")
def slow(live_site) -> Iterator[dict[str, Future[Took]]]:
    """All that waits, at once."""
    port = live_site.port
    asked: dict[str, Callable[[], Took]] = {
        "nothing": lambda: sent(port, b""),
        "half a line": lambda: sent(port, b"GET /hea"),
        "half a head": lambda: sent(port, ALIVE),
        "a head that trickles": lambda: sent(port, ALIVE, trickle),
        "an idle connection": lambda: sent(port, ALIVE + b"\r\n"),
        "half a second request": lambda: sent(port, ALIVE + b"\r\n" + b"GET /hea"),
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        yield {name: pool.submit(ask) for name, ask in asked.items()}


@pytest.mark.parametrize("name", ["nothing", "half a line", "half a head", "a head that trickles"])
def test_a_head_that_does_not_come_ends_its_connection(slow, name):
    got, took_s = slow[name].result()
    assert not got.startswith(b"HTTP/1.1 200")
    assert HEAD_S - 1 < took_s < 2 * HEAD_S


@pytest.mark.parametrize("name", ["an idle connection", "half a second request"])
def test_so_does_a_connection_that_waits_after_a_response(slow, name):
    got, took_s = slow[name].result()
    assert got.startswith(b"HTTP/1.1 200")
    assert HEAD_S - 1 < took_s < 2 * HEAD_S


def test_requests_that_come_together_are_answered_in_their_order(live_site):
    tools = ("notion", "figma", "asana", "no-such-tool", "mistral-3-small")
    heads = [f"GET /v1/tools/{tool}/tally HTTP/1.1\r\nHost: 127.0.0.1\r\n" for tool in tools]
    got, _ = sent(live_site.port, ("\r\n".join(heads) + "Connection: close\r\n\r\n").encode())
    statuses = [part.split(b" ", 1)[0] for part in got.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"200", b"200", b"404", b"200"]
    named = [got.index(f'"tool":"{tool}"'.encode()) for tool in tools if tool != "no-such-tool"]
    assert named == sorted(named)


async def never(scope, receive, send) -> None:
    if scope["path"] == "/begun":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


async def test_a_response_that_never_comes_is_a_problem(monkeypatch):
    monkeypatch.setattr(edge, "REQUEST_S", 0.01)
    said = []

    async def send(message) -> None:
        said.append(message)

    await edge.with_end(never)({"type": "http", "path": "/"}, None, send)
    start, body = said
    assert start["status"] == 503
    assert json.loads(body["body"])["code"] == "unavailable"
    assert (b"retry-after", b"1") in start["headers"]


@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
async def test_a_page_that_never_comes_is_a_page_that_says_so(monkeypatch):
    monkeypatch.setattr(edge, "REQUEST_S", 0.01)
    site, said = create_site(), []
    site.state.services = SimpleNamespace(config=Config())

    async def send(message) -> None:
        said.append(message)

    http = {"type": "http", "method": "GET", "path": "/tools/notion", "query_string": b""}
    http |= {"headers": [], "server": ("127.0.0.1", 80), "scheme": "http", "client": ("::1", 9)}
    await edge.with_end(never, problem_pages(site))(http, None, send)
    start, body = said[0], b"".join(message["body"] for message in said[1:])
    assert start["status"] == 503
    assert dict(start["headers"])[b"content-type"].startswith(b"text/html")
    assert b"Back in a moment" in body
    assert b'href="/tools/notion"' in body  # to try again


async def test_one_that_has_begun_ends_with_its_connection(monkeypatch):
    monkeypatch.setattr(edge, "REQUEST_S", 0.01)

    async def send(_) -> None:
        """Sent."""

    with pytest.raises(TimeoutError):
        await edge.with_end(never)({"type": "http", "path": "/begun"}, None, send)
