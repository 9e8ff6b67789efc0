"""A number that may be old says that it is stale; one that says nothing is that of the log."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import httpx
import pytest
from redis import Redis

from tests.e2e.asking import get, put
from tests.faults.killing import hanging, kill, wait_until_ready
from tests.polling import wait_for
from tests.site import Site
from tests.stored.keys import KEYS

TOOL = "airtable"


def vote(program: Site, choice: str = "ship") -> int:
    answer = put(f"{program.url}/v1/tools/{TOOL}/vote", json={"choice": choice})
    assert answer.status_code == 200, answer.text
    return answer.json()["position"]


def tally(program: Site, min_position: int = 0) -> dict:
    """Once the position is reached: a busy machine may say that it is not yet there."""
    asked = {"min_position": min_position}

    def answer() -> httpx.Response | None:
        found = get(f"{program.url}/v1/tools/{TOOL}/tally", params=asked)
        return None if min_position and found.status_code == 503 else found

    answered = wait_for(answer, f"position {min_position}")
    assert answered.status_code == 200, answered.text
    return answered.json()


def fresh(program: Site) -> dict:
    """The tally once it is not stale."""

    def found() -> dict | None:
        wait_until_ready(program)
        told = tally(program)
        return None if told["stale"] else told

    return wait_for(found, "fresh numbers")


def status(program: Site) -> dict:
    return get(f"{program.url}/health/ready", timeout=10).json()


@pytest.mark.parametrize("name", ["worker", "valkey"])
def test_numbers_are_stale_and_right_while_a_part_is_hung(program, name):
    before = fresh(program)
    with hanging(program, name):
        position = vote(program)
        wait_for(lambda: tally(program)["stale"], "stale numbers")
        seen = tally(program, position)
        assert (seen["ship"], seen["position"]) == (before["ship"] + 1, position)
        wait_for(lambda: status(program)["status"] == "degraded", "a degraded site")
    assert fresh(program)["ship"] == before["ship"] + 1


def test_an_audit_is_not_content_while_the_worker_is_hung(program):
    wait_until_ready(program)
    with hanging(program, "worker"):
        vote(program)
        found = program.votes("verify")
        assert found.returncode == 1
        assert re.search(r"drift: \d+ events are not projected: does a worker run", found.stderr)
        told = program.votes("doctor", "--json")
        wrong = [check["name"] for check in json.loads(told.stdout) if not check["ok"]]
        assert wrong == ["fsync", "projector"]  # the first of all tests, see `begun`
    wait_until_ready(program)
    assert program.votes("verify").returncode == 0


@asynccontextmanager
async def as_owner(program: Site) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    owner = await asyncpg.connect(program.servers.owner_url)
    try:
        yield owner
    finally:
        await owner.close()


async def restore_before(program: Site, position: int) -> None:
    """The log as a backup had it, from before the event at this position."""
    async with as_owner(program) as owner, owner.transaction():
        await owner.execute("ALTER TABLE events DISABLE TRIGGER USER")
        await owner.execute("DELETE FROM events WHERE position >= $1", position)
        await owner.execute("ALTER TABLE events ENABLE TRIGGER USER")


async def kind_at(program: Site, position: int) -> str | None:
    async with as_owner(program) as owner:
        return await owner.fetchval("SELECT type FROM events WHERE position = $1", position)


@pytest.mark.parametrize("restarted", [(), ("postgres",), ("worker",), ("worker", "postgres")])
async def test_a_vote_that_a_restored_log_lacks_is_soon_shown_no_more(program, restarted):
    before = fresh(program)
    lost = vote(program)
    assert tally(program, lost)["ship"] == before["ship"] + 1
    await restore_before(program, lost)
    for name in restarted:
        kill(program, name)
    wait_for(lambda: tally(program)["ship"] == before["ship"], "the restored tally")
    answer = get(f"{program.url}/v1/tools/{TOOL}/tally", params={"min_position": lost})
    if answer.status_code == 200:  # the scan has found something since, at this position
        assert await kind_at(program, lost) in ("BurstFound", "ClusterFound")
        assert answer.json()["ship"] == before["ship"]
    else:
        assert answer.json()["code"] == "not_yet"
    wait_until_ready(program)
    assert program.votes("verify").returncode == 0


@pytest.mark.parametrize("restarted", ["none", "api"])
def test_a_pointer_to_a_far_position_is_not_believed_for_long(program, restarted):
    wait_until_ready(program)
    far = 10**12
    with Redis.from_url(program.servers.redis_owner_url) as redis:
        live = json.loads(redis.get(KEYS.live))
        redis.set(KEYS.live, json.dumps(live | {"position": far}, separators=(",", ":")))
        if restarted == "api":
            kill(program, "api")

        def refused() -> bool:
            with suppress(httpx.TransportError):  # it may be about to listen
                asked = {"min_position": far}
                answer = get(f"{program.url}/v1/tools/{TOOL}/tally", params=asked)
                return answer.status_code == 503
            return False

        wait_for(refused, "a position that is not there yet")
        wait_for(lambda: json.loads(redis.get(KEYS.live))["position"] < far, "a rebuild")
    wait_until_ready(program)
    position = vote(program)
    assert tally(program, position)["position"] == position
