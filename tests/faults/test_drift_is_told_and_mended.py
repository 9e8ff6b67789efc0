"""`votes verify` and `votes rebuild` on a running program whose read models were tampered with."""

import json

import pytest
from redis import Redis

from tests.faults.killing import wait_until_ready
from votes.app.models import partition_of
from votes.views import keys

TOOL = "airtable"


@pytest.fixture
def tallies(program):
    """The live hash that holds the tool's tally, and a client."""
    wait_until_ready(program)
    with Redis.from_url(program.servers.redis_url) as redis:
        version = json.loads(redis.get(keys.LIVE))["version"]
        yield redis, keys.tallies(version, partition_of(TOOL))


def test_a_tally_altered_by_hand_is_found_and_rebuilt(program, tallies):
    redis, key = tallies
    clean = program.votes("verify")
    assert clean.returncode == 0, clean.stderr
    tally = json.loads(redis.hget(key, TOOL))
    redis.hset(key, TOOL, json.dumps(tally | {"ship": tally["ship"] + 1}))
    found = program.votes("verify")
    assert found.returncode == 1
    assert f"tallies {TOOL}:" in found.stderr
    assert "drift: 1 of " in found.stderr
    assert program.votes("rebuild").returncode == 0
    again = program.votes("verify")
    assert again.returncode == 0, again.stderr


def test_a_missing_model_is_found_as_json(program, tallies):
    redis, key = tallies
    redis.hdel(key, TOOL)
    found = program.votes("verify", "--json")
    assert found.returncode == 1
    told = json.loads(found.stdout)
    assert not told["ok"]
    assert [(drift["model"], drift["key"]) for drift in told["drifts"]] == [("tallies", TOOL)]
    assert program.votes("rebuild").returncode == 0
