"""Four API processes under load take what the limits say, within 2 %."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from tests.e2e.asking import api_beside, new_tool, secrets_of, unique
from votes.http.logins.tokens import Visitor, VisitorTokens

PROCESSES = 4
CONNECTIONS = 16
SECONDS = 5.0
QUANTITY, WINDOW_S = 400, 10
SHARE = 0.02
"""By how much more or less than the limit may be taken."""

Request = Callable[[], bytes]


@pytest.fixture(scope="module")
def ports(program) -> Iterator[list[int]]:
    settings = {
        f"VOTES_LIMIT_{name}": f"{QUANTITY}/{WINDOW_S}"
        for name in ("VISITORS_BY_NETWORK", "VOTES_BY_TOOL")
    }
    with ExitStack() as stack:
        urls = [
            stack.enter_context(
                api_beside(program, VOTES_TRUSTED_PROXIES="127.0.0.0/8", **settings)
            )
            for _ in range(PROCESSES)
        ]
        yield [int(url.rpartition(":")[2]) for url in urls]


async def statuses(port: int, request: Request, go_on: Callable[[], bool]) -> list[int]:
    """Those of the answers to requests that one connection sends one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    while go_on():
        writer.write(request())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        found.append(int(head[9:12]))
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r")[0]))
    writer.close()
    await writer.wait_closed()
    return found


async def load(ports: list[int], request: Request) -> tuple[int, int, float]:
    """How many requests were sent to all processes, how many were taken, and in what time."""
    begun, sent = time.monotonic(), count()

    def go_on() -> bool:
        """A busy machine takes longer to send more than the limit."""
        return next(sent) < 2 * QUANTITY or time.monotonic() < begun + SECONDS

    connections = [ports[number % PROCESSES] for number in range(CONNECTIONS)]
    answers = await asyncio.gather(*(statuses(port, request, go_on) for port in connections))
    took_s = time.monotonic() - begun
    every = [status for found in answers for status in found]
    taken = [status for status in every if status < 300]
    assert set(every) - set(taken) == {429}
    return len(every), len(taken), took_s


def new_visitor() -> bytes:
    return (
        b"POST /v1/visitors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n"
        b"X-Forwarded-For: 198.51.100.7\r\n\r\n"
    )


def votes_on(program) -> Request:
    """Each of another visitor, on a tool of their own."""
    tokens, tool = VisitorTokens([secrets_of(program)["secret_key"].encode()]), new_tool(program)

    def vote() -> bytes:
        token = tokens.token(Visitor(unique("visitor")))
        return (
            f"PUT /v1/tools/{tool}/vote HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Visitor {token}\r\nContent-Type: application/json\r\n"
            'Content-Length: 17\r\n\r\n{"choice":"ship"}'
        ).encode()

    return vote


@pytest.mark.parametrize("what", ["new visitors of a network", "votes on a tool"])
async def test_what_is_taken_is_what_the_limit_says(program, ports, what, measured):
    request = new_visitor if what.startswith("new") else votes_on(program)
    sent, taken, took_s = await load(ports, request)
    most = QUANTITY + QUANTITY / WINDOW_S * took_s
    least = (1 - SHARE) * (QUANTITY + QUANTITY / WINDOW_S * SECONDS)
    measured(
        f"{what}, {PROCESSES} processes: {taken} of {sent} taken in {took_s:.2f} s,"
        f" {most:.1f} at most by the limit"
    )
    assert sent > 1.5 * most  # else it is not the limit that is seen
    assert least <= taken <= (1 + SHARE) * most
