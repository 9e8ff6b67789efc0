"""A number that may be old says that it is stale; one that says nothing is that of the log."""

import json
from contextlib import suppress

import asyncpg
import httpx
import pytest
from redis import Redis

from tests.e2e.asking import get, put
from tests.faults.killing import hanging, kill, wait_until_ready
from tests.kept import KEYS
from tests.polling import wait_for
from tests.site import Site

TOOL = "airtable"
NOTICED_S = 20
"""Far more than it takes; the machine may be busy."""


def vote(program: Site, choice: str = "ship") -> int:
    answer = put(f"{program.url}/v1/tools/{TOOL}/vote", json={"choice": choice})
    assert answer.status_code == 200, answer.text
    return answer.json()["position"]


def tally(program: Site, min_position: int = 0) -> dict:
    answer = get(f"{program.url}/v1/tools/{TOOL}/tally", params={"min_position": min_position})
    assert answer.status_code == 200, answer.text
    return answer.json()


def status(program: Site) -> dict:
    return get(f"{program.url}/health/ready", timeout=10).json()


@pytest.mark.parametrize("name", ["worker", "valkey"])
def test_numbers_are_stale_and_right_while_a_part_is_hung(program, name):
    wait_until_ready(program)
    before = tally(program)
    assert not before["stale"]
    with hanging(program, name):
        position = vote(program)
        wait_for(lambda: tally(program)["stale"], "stale numbers", NOTICED_S)
        seen = tally(program, position)
        assert (seen["ship"], seen["position"]) == (before["ship"] + 1, position)
        wait_for(lambda: status(program)["status"] == "degraded", "a degraded site", NOTICED_S)
    wait_until_ready(program)
    wait_for(lambda: not tally(program)["stale"], "fresh numbers", NOTICED_S)
    assert tally(program)["ship"] == before["ship"] + 1


def test_an_audit_is_not_content_while_the_worker_is_hung(program):
    wait_until_ready(program)
    with hanging(program, "worker"):
        vote(program)
        found = program.votes("verify")
        assert found.returncode == 1
        assert "drift: 1 events are not projected: does a worker run?" in found.stderr
        told = program.votes("doctor", "--json")
        wrong = [check["name"] for check in json.loads(told.stdout) if not check["ok"]]
        assert wrong == ["fsync", "projector"]  # the first of all tests, see `begun`
    wait_until_ready(program)
    assert program.votes("verify").returncode == 0


async def without_the_last_event(program: Site) -> int:
    """The log as a backup had it, from before the last event; answers that one's position."""
    owner = await asyncpg.connect(program.servers.owner_url)
    try:
        async with owner.transaction():
            await owner.execute("ALTER TABLE events DISABLE TRIGGER USER")
            lost = await owner.fetchval(
                "DELETE FROM events WHERE position = (SELECT max(position) FROM events)"
                " RETURNING position"
            )
            await owner.execute("ALTER TABLE events ENABLE TRIGGER USER")
    finally:
        await owner.close()
    return lost


@pytest.mark.parametrize("restarted", [(), ("postgres",), ("worker",), ("worker", "postgres")])
async def test_a_vote_that_a_restored_log_lacks_is_soon_shown_no_more(program, restarted):
    wait_until_ready(program)
    before = tally(program)
    lost = vote(program)
    assert tally(program, lost)["ship"] == before["ship"] + 1
    assert await without_the_last_event(program) == lost
    for name in restarted:
        kill(program, name)
    wait_for(lambda: tally(program)["ship"] == before["ship"], "the restored tally", NOTICED_S)
    answer = get(f"{program.url}/v1/tools/{TOOL}/tally", params={"min_position": lost})
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

        wait_for(refused, "a position that is not there yet", NOTICED_S)
        wait_for(lambda: json.loads(redis.get(KEYS.live))["position"] < far, "a rebuild", NOTICED_S)
    wait_until_ready(program)
    position = vote(program)
    assert tally(program, position)["position"] == position
