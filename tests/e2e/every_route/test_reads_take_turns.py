"""Between two reads that compute the loop serves whatever else there is."""

import asyncio

import pytest

from votes.http.edge.turns import Turns, with_turns

READS = 10


@pytest.fixture
def order():
    return []


def reading(order, turns):
    async def app(scope, _, __):
        order.append(scope["path"])

    return with_turns(turns, app)


def asked(app, path, method="GET"):
    scope = {"type": "http", "method": method, "path": path}
    return asyncio.create_task(app(scope, None, None))


async def test_what_arrives_while_reads_wait_is_served_after_one_of_them(order):
    app = reading(order, Turns())
    reads = [asked(app, f"/{number}") for number in range(READS)]
    while len(order) < 2:
        await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(order.append, "a tally")
    await asyncio.gather(*reads)
    assert order.index("a tally") <= 3
    assert [path for path in order if path != "a tally"] == [f"/{n}" for n in range(READS)]


async def test_two_applications_share_their_turns(order):
    turns = Turns()
    site, api = reading(order, turns), reading(order, turns)
    reads = [asked(app, "/") for app in (site, api) for _ in range(READS)]
    rounds = 0
    while not all(read.done() for read in reads):
        before = len(order)
        await asyncio.sleep(0)
        assert len(order) - before <= 1
        rounds += 1
    assert rounds >= 2 * len(reads)


async def test_who_gives_up_takes_no_turn_from_others(order):
    app = reading(order, Turns())
    reads = [asked(app, f"/{number}") for number in range(READS)]
    await asyncio.sleep(0)
    for read in reads[::2]:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    assert [int(path[1:]) for path in order if int(path[1:]) % 2] == list(range(1, READS, 2))
    await asked(app, "/later")
    assert order[-1] == "/later"


async def test_writes_wait_for_no_read(order):
    app = reading(order, Turns())
    reads = [asked(app, f"/{number}") for number in range(READS)]
    write = asked(app, "/write", "POST")
    await write
    assert "/write" in order[:2]
    await asyncio.gather(*reads)
