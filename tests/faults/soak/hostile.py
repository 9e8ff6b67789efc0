"""A client that does whatever a client can: what it may not get is an answer of 500.

`Hostile` sends malformed requests, `Crowding` holds connections and floods what is dear.
"""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from tests.faults.soak.record import Record
from tests.faults.soak.stolen import ODD_TOOLS
from tests.faults.soak.wire import HOST, Broken, Connection

PAUSE_S = 0.05
CROWDING_PAUSE_S = 1.0
TIMEOUT_S = 5.0
HELD_MAX = 200
FLOOD_CONNECTIONS = 8
FLOOD_REQUESTS = 6

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get")
NAMES = (
    *(
        "..",
        "%2e%2e",
        "%00",
        "%ff%fe",
        "a" * 101,
        "a" * 8_000,
        "%F0%9F%97%B3",
        "A",
        "-",
        "'--",
        "*",
    ),
    *("1", "%0d%0aSet-Cookie:x=1", "{x}", "%7Bp07%7D", "nobody-knows", "__proto__", "%E2%80%AE"),
)
PLACES = (
    *("/v1/tools/{}/vote", "/v1/tools/{}/tally", "/v1/tools/{}/trend", "/v1/tools/{}/reviews"),
    *("/v1/tools/{}", "/v1/tools/{}/reviews/{}", "/v1/tools/{}/rename", "/v1/compare/{}/{}"),
    *("/v1/me", "/v1/me/votes", "/v1/me/bookmarks", "/v1/me/bookmarks/{}", "/v1/me/state?tools={}"),
    *("/v1/visitors", "/v1/tools", "/v1/tallies?tools={}", "/v1/live?tools={}", "/tools/{}"),
    *("/compare/{}/{}", "/og/{}-vs-{}.png", "/health/live", "/health/ready", "/openapi.json"),
    *("/docs", "/", "/status", "/feed.xml", "/v1/{}", "/{}", "//", "/v1/../../etc/passwd", "*", ""),
)
VALUES = (
    *(
        "",
        "0",
        "-1",
        "1e999",
        "9" * 400,
        str(2**63),
        "NaN",
        "null",
        "[]",
        "%00",
        "%ff",
        "a" * 3_000,
    ),
    *(
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59%2B00:01",
        "0000-00-00",
        "infinity",
        "1;2",
        "%zz",
    ),
)
PARAMETERS = ("at", "min_position", "limit", "cursor", "sort", "q", "category", "bucket", "from")
BODIES = (
    *(
        b"",
        b"null",
        b"5",
        b"[]",
        b'""',
        b"{",
        b"}",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"NaN",
    ),
    *(b"[" * 8_000, b'{"choice":' * 1_500, b'{"a":' * 12_000, b'{"choice":' + b"9" * 12_000 + b"}"),
    *(b'{"choice":1e999}', b'{"choice":"ship","choice":"skip"}', b'{"choice":["ship"]}'),
    *(
        b'{"choice":"ship\\u0000"}',
        b'{"choice":"\\ud800"}',
        b'{"choice":"ship","x":1}',
        b" " * 16_000,
    ),
    *(b'{"choice":"ship"}' + b" " * 20_000, b'{"choice":"ship"', b'{"choice":{"ship":{}}}'),
    *(b'{"name":"x","category":"y","url":"http://[::1"}', b'{"score":1e30,"choice":"ship"}'),
)
HEADERS = (
    *(("Origin", value) for value in ("http://[x", "null", "\xff", "https://" + "a" * 5_000)),
    *(
        ("Host", value)
        for value in ("", "[", "a b", "evil.example", "127.0.0.1:99999", "\xff", "x:y")
    ),
    *(
        ("Authorization", value)
        for value in ("Bearer", "Bearer a.b.c", "Visitor x.y", "\xff", "Basic")
    ),
    ("Authorization", "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6WyJhIl19.e30.AAAA"),
    ("Authorization", "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6Im5vYm9keSJ9.e30.AAAA"),
    ("Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."),
    ("Authorization", "Bearer " + "eyJhbGciOiJIUzI1NiJ9." * 200),
    *(("Cookie", value) for value in ("visitor", "visitor=a.b", "=;;=", "visitor=" + "a" * 7_000)),
    *(
        ("Content-Type", value)
        for value in ("", "text/plain", "application/json; x=\xff", "a/b" * 99)
    ),
    *(("Idempotency-Key", value) for value in ("", "\t", "a" * 256, "\xff", "same")),
    *(("If-None-Match", value) for value in ("*", '"', "W/", ",,,", '"x"' * 900)),
    *(("Last-Event-ID", value) for value in ("-", "x-9" + "9" * 30, "\xff", "a-b-c", "0-0")),
    *(("X-Forwarded-For", value) for value in ("::", "999.1", "\xff", "1.1.1.1," * 400)),
    ("X-Forwarded-Proto", "gopher"),
    ("X-Request-Id", "\xff" * 128),
    *(("Accept", value) for value in ("text/html", "*/*;q=x", "\xff", "image/png")),
    *(("Expect", value) for value in ("100-continue", "nothing")),
    *(("Range", value) for value in ("bytes=0-", "bytes=9-1,2-")),
    ("Accept-Encoding", "gzip;q=9, \xff"),
    ("Upgrade", "h2c"),
)
VOTE = (
    b"PUT /v1/tools/notion/vote HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
)
CHUNKED = VOTE + b"Transfer-Encoding: chunked\r\n"
RAW = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://[x/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /v1/tools HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /v1/tools HTTP/1.1\r\n\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    VOTE + b"Content-Length: -5\r\n\r\n",
    CHUNKED + b"Content-Length: 9\r\n\r\n0\r\n\r\n",
    CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n",
    CHUNKED + b"\r\nffffffffffffffff\r\n{}",
    CHUNKED + b"\r\n9\r\n{",
    bytes(range(256)) * 8,
)
PICTURES = "/og/{}-vs-{}.png"


class Hostile:
    """One malformed request after another, at random."""

    def __init__(self, record: Record, port: int, number: int) -> None:
        self.record, self.port = record, port
        self.mind = record.mind(f"hostile {number}")
        self.names = (*NAMES, *record.tools, *ODD_TOOLS)

    async def run(self) -> None:
        while not self.record.over.is_set():
            if self.mind.random() < 0.1:
                await self.send(self.mind.choice(RAW), "GET")
            else:
                await self.send(*self.request())
            await self.record.pause(self.mind.uniform(0, 2 * PAUSE_S))

    def request(self) -> tuple[bytes, str]:
        """The bytes of a request, and its method."""
        mind = self.mind
        method, place = mind.choice(METHODS), mind.choice(PLACES)
        path = place.format(mind.choice(self.names), mind.choice(self.names))
        asked = [
            f"{mind.choice(PARAMETERS)}={mind.choice(VALUES)}" for _ in range(mind.randint(0, 3))
        ]
        asked += ["x=y"] * mind.choice((0, 0, 0, 0, 2_000))
        path += ("&" if "?" in path else "?") * bool(asked) + "&".join(asked)
        fields = dict(mind.sample(HEADERS, mind.randint(0, 4)))
        fields.setdefault("Host", HOST)
        body = mind.choice(BODIES) if mind.random() < 0.6 else b""
        if body:
            fields.setdefault("Content-Type", "application/json")
            fields["Content-Length"] = f"{len(body)}"
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body, method

    async def send(self, request: bytes, method: str) -> None:
        connection = Connection(self.port, TIMEOUT_S)
        self.record.done["hostile requests"] += 1
        try:
            answer = await connection.send(request, method)
            self.record.answered(f"{request[:200]!r}", answer, hostile=True)
        except Broken:
            self.record.done["hostile requests without an answer"] += 1
        finally:
            connection.close()


class Crowding:
    """Holds what costs to hold, and asks at once for what costs to answer."""

    def __init__(self, record: Record, port: int, biggest: str) -> None:
        self.record, self.port, self.biggest = record, port, biggest
        self.mind = record.mind("crowding")
        self.held: list[asyncio.StreamWriter] = []

    async def run(self) -> None:
        kinds: list[Callable[[], Awaitable[None]]] = [
            *(self._half_sent, self._half_read, self._unread_streams),
            *(self._past, self._trends, self._pictures, self._long_lists),
        ]
        try:
            while not self.record.over.is_set():
                await self.mind.choice(kinds)()
                await self.record.pause(self.mind.uniform(0, 2 * CROWDING_PAUSE_S))
        finally:
            self._let_go(0)

    def _let_go(self, left: int) -> None:
        while len(self.held) > left:
            writer = self.held.pop(self.mind.randrange(len(self.held)))
            writer.transport.abort()

    async def _hold(self, request: bytes, read: int = 0) -> None:
        """Send, read so many bytes, and no more."""
        self._let_go(HELD_MAX - 1)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_connection(HOST, self.port, limit=1_024)
                self.held.append(writer)
                writer.write(request)
                await reader.read(read)
        except (OSError, TimeoutError):
            self.record.done["could not be held"] += 1

    async def _half_sent(self) -> None:
        """A body of which the half comes, and a head without an end."""
        self.record.done["half-sent"] += 10
        for _ in range(5):
            await self._hold(VOTE + b'Content-Length: 17\r\n\r\n{"cho')
            await self._hold(b"GET /v1/tools HTTP/1.1\r\nHost: 127.0")

    async def _half_read(self) -> None:
        self.record.done["half-read"] += 10
        for _ in range(10):
            await self._hold(
                b"GET /v1/tools?limit=100 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 4, 512
            )

    async def _unread_streams(self) -> None:
        self.record.done["unread streams"] += 20
        tools = ",".join(self.record.tools)
        for _ in range(20):
            await self._hold(
                f"GET /v1/live?tools={tools} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), 1
            )

    async def _past(self) -> None:
        await self._flood(
            lambda: f"/v1/tools/{self.biggest}/tally?at={self.mind.randint(1, 10**6)}"
        )

    async def _trends(self) -> None:
        day = self.mind.randint(1, 28)
        await self._flood(
            lambda: (
                f"/v1/tools/{self.biggest}/trend?bucket={self.mind.choice(('hour', 'day'))}"
                f"&from={quote(f'2026-01-{day:02}T00:00:00Z')}"
            )
        )

    async def _pictures(self) -> None:
        tools = self.record.tools
        await self._flood(lambda: PICTURES.format(*self.mind.sample(tools, 2)))

    async def _long_lists(self) -> None:
        await self._flood(lambda: "/v1/tools?limit=100")

    async def _flood(self, path: Callable[[], str]) -> None:
        async def ask() -> None:
            connection = Connection(self.port, TIMEOUT_S)
            for _ in range(FLOOD_REQUESTS):
                self.record.done["flooding requests"] += 1
                try:
                    where = path()
                    self.record.answered(where, await connection.ask("GET", where))
                except Broken:
                    self.record.done["flooding requests without an answer"] += 1
            connection.close()

        await asyncio.gather(*(ask() for _ in range(FLOOD_CONNECTIONS)))
