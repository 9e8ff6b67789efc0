"""Read models come, go and are lost, and the log goes back, while votes flow: no number is wrong.

Everything that is shown on the way is kept, and compared with the log at the end.
"""

import asyncio
import json
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace
from redis import Redis

from tests.faults.soak.judge import count, verdict
from tests.faults.soak.record import Record
from tests.faults.soak.staff import Staff
from tests.faults.soak.stolen import preload
from tests.faults.upgrades.checks import judge
from tests.faults.upgrades.house import SHIPPED, House, Running, is_ready
from tests.faults.upgrades.people import PAGES, VOTERS, People, Visitor
from tests.faults.upgrades.releases import RELEASES
from tests.polling import until
from tests.stored.keys import KEYS
from votes.cli.settings import with_secrets
from votes.config import load
from votes.domain.terms import VisitorId
from votes.embedded import started
from votes.engine.projection import PARTITIONS
from votes.http.logins import tokens
from votes.projections.tallies import TALLIES, Counts, Tally

BIGGEST, QUIET = "biggest", "quiet"
TOOLS = [BIGGEST, "asana", "canva", "figma", "linear", "notion"]
BIGGEST_VOTES = 20_000


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Servers with a log of many votes, on which the program runs as it is shipped."""
    folder = Path(tempfile.mkdtemp(prefix="votes-house-", dir="/tmp"))
    made = House(folder / "data")
    try:
        with started(made.data_dir, "tests"):
            try:
                asyncio.run(open_house(made))
                yield made
            finally:
                asyncio.run(made.kill())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def open_house(house: House) -> None:
    await house.migrate()
    release = house.start_release(SHIPPED)
    release.start_worker()
    await house.poll_serving(release)
    staff = Staff(Record(0, [], []), house.ports[0], house.token("root", "admin"), {})
    for slug in (*TOOLS, QUIET):
        await staff.list_tool(slug)
    staff.connection.close()
    await preload(house, BIGGEST, BIGGEST_VOTES)
    for port in house.ports:
        await until(partial(is_ready, port), "the API and the worker")


@pytest.fixture
def visitors(house: House) -> list[Visitor]:
    """With tokens that every release knows."""
    signing = tokens.VisitorTokens(with_secrets(load(house.env)).secret_keys)
    ids = [uuid4().hex for _ in range(VOTERS)]
    return [(visitor, signing.token(tokens.Visitor(VisitorId(visitor)))) for visitor in ids]


@asynccontextmanager
async def voting(
    house: House,
    visitors: Sequence[Visitor],
    choices: Mapping[str, str | None] | None = None,
    seen: Sequence[str | None] = (None,) * PAGES,
) -> AsyncIterator[People]:
    """Everybody votes and looks, until well after the body, and at the end nothing is wrong.

    `choices` are what the visitors have voted before, `seen` where the streams have been.
    """
    record = Record(random.randrange(10**9), [*TOOLS, QUIET], [])
    record.choices |= (await count(house)).choices if choices is None else choices
    people = People(record, house)
    people.vote(visitors, TOOLS)
    people.look(seen)
    try:
        yield people
        await people.poll_flowing()
        await people.settle()
        people.log = await judge(record, house, people.pages, people.counted())
    finally:
        await people.leave()
    wrong = verdict(record)
    assert not wrong, "\n".join(wrong)
    assert record.done["tallies seen fresh"] > people.votes_per_s


async def led(release: Running) -> float:
    """When the worker of the release, started here, leads."""
    await until(release.start_worker().leads, "the lead")
    return monotonic()


async def deploy(house: House, people: People, name: str) -> float:
    """That release beside the one that runs, then alone; answers how long after its worker led all
    was right."""
    release = house.start_release(name)
    await house.poll_serving(release)
    people.look()
    if name in RELEASES:
        people.count(release)
    led_s = await led(release)
    right_s = await people.poll_right() - led_s
    await house.end_all_but(release)
    return right_s


def told(people: People, what: str, right_s: float) -> str:
    return (
        f"right {right_s:.1f} s after {what}, with {people.votes_per_s:.0f} votes/s;"
        f" the log had {len(people.log.stored)} votes"
    )


async def test_releases_come_and_go(house, visitors, measured):
    """One with a new read model, one with raised versions, and again the one before."""
    for name in (*RELEASES, SHIPPED):
        async with voting(house, visitors) as people:
            await people.poll_flowing()
            right_s = await deploy(house, people, name)
        assert name == SHIPPED or people.record.done["counts seen fresh"] > 0
        measured(told(people, f"the worker of the release {name} led", right_s))


async def test_redis_loses_everything(house, visitors, measured):
    async with voting(house, visitors) as people:
        await people.poll_flowing()
        gone, began = people.worlds(), monotonic()
        with Redis.from_url(house.servers.redis_owner_url) as redis:
            redis.flushall()
        right_s = await people.poll_right(gone) - began
    measured(told(people, "FLUSHALL", right_s))


async def test_one_read_model_is_rebuilt(house, visitors, measured):
    """After a tally was changed where nobody has looked since."""
    async with voting(house, visitors) as people:
        await people.poll_flowing()
        gone = people.worlds()
        change_a_tally(house)
        right = asyncio.create_task(people.poll_right(gone))
        done = await asyncio.to_thread(house.votes, "rebuild", "--projection", TALLIES.name)
        assert done.returncode == 0, done.stderr
        ended = monotonic()
        right_s = max(await right - ended, 0)
    measured(told(people, "`votes rebuild --projection` had ended", right_s))


def change_a_tally(house: House) -> None:
    """Five votes more on the tool on which nobody votes."""
    with Redis.from_url(house.servers.redis_owner_url) as redis:
        generation = json.loads(redis.get(KEYS.live))["generation"]
        for number in range(PARTITIONS):
            place = KEYS.values(generation, number, TALLIES.name)
            for key, value in redis.hgetall(place).items():
                tally = msgspec.json.decode(value, type=Tally)
                if not tally.total:
                    wrong = replace(tally, counts=Counts(ship=5))
                    redis.hset(place, key, msgspec.json.encode(wrong))
                    return
    raise LookupError(QUIET)


async def test_the_log_is_restored(house, visitors, measured):
    """While its numbers are still said to be fresh: the beat of the worker that was killed."""
    async with voting(house, visitors) as before:
        await before.poll_flowing()
        head = await house.dump()
    stored = before.log.stored.items()
    choices = dict(vote for position, vote in stored if position <= head)
    assert max(before.log.stored) > head
    await house.kill()
    await house.restore()
    release = house.start_release(SHIPPED)
    house.ports = release.ports
    leading = asyncio.create_task(led(release))
    seen = [page.seen for page in before.pages]
    async with voting(house, visitors, choices, seen) as after:
        right_s = await after.poll_right(before.worlds()) - await leading
    measured(told(after, "the worker of a restored log led", right_s))
