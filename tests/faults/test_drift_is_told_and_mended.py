"""`votes verify` and `votes rebuild` on a running program whose read models were tampered with."""

import json

import msgspec
import pytest
from msgspec.structs import replace
from redis import Redis

from tests.e2e.asking import get
from tests.e2e.pages.reading import one, parsed, words
from tests.faults.killing import hanging, kill, wait_until_ready
from tests.polling import wait_for
from tests.stored.keys import KEYS, place
from votes import demo
from votes.projections.tallies import Counts, Tally

TOOL = "airtable"
SLUGS = [slug for slug, _ in demo.tools()]


@pytest.fixture
def tallies(program):
    """The live hash that holds the tool's tally, and a client."""
    wait_until_ready(program)
    with Redis.from_url(program.servers.redis_owner_url) as redis:
        tool = found(redis, TOOL)
        yield redis, place(KEYS, generation(redis), tool, "tallies"), tool


def found(redis, slug: str) -> str:
    """The id of the tool to which the slug leads."""
    return json.loads(redis.hget(place(KEYS, generation(redis), slug, "slugs"), slug))


def generation(redis) -> int:
    """Which models are live."""
    return json.loads(redis.get(KEYS.live))["generation"]


def drift(program) -> str:
    """What the status page says of the last audit."""
    rows = one(parsed(get(f"{program.url}/status").text), "dl", class_="status")
    return next(words(row[1]) for row in rows if words(row[0]).startswith("Drift"))


def test_a_tally_altered_by_hand_is_found_and_rebuilt(program, tallies):
    redis, key, tool = tallies
    redis.delete(KEYS.audit)
    assert drift(program) == "not counted anew yet"
    clean = program.votes("verify")
    assert clean.returncode == 0, clean.stderr
    assert drift(program).startswith("none of ")
    tally = msgspec.json.decode(redis.hget(key, tool), type=Tally)
    wrong = replace(tally, counts=tally.counts + Counts(ship=1))
    with hanging(program, "worker"):  # it would put it right by itself
        redis.hset(key, tool, msgspec.json.encode(wrong))
        found = program.votes("verify")
        assert drift(program).startswith("1 of ")
    assert found.returncode == 1
    assert f"tallies {tool}:" in found.stderr
    assert "drift: 1 of " in found.stderr
    assert program.votes("rebuild").returncode == 0
    again = program.votes("verify")
    assert again.returncode == 0, again.stderr


def test_a_garbled_report_is_none(program, tallies):
    redis, *_ = tallies
    redis.set(KEYS.audit, b"\xff{")
    assert drift(program) == "not counted anew yet"


def test_drift_is_told_as_json(program, tallies):
    redis, key, tool = tallies
    with hanging(program, "worker"):
        redis.hset(key, tool, json.dumps(json.loads(redis.hget(key, tool)) | {"heat": 1.0}))
        found = program.votes("verify", "--json")
    assert found.returncode == 1
    told = json.loads(found.stdout)
    assert not told["ok"]
    assert [(drift["model"], drift["key"]) for drift in told["drifts"]] == [("tallies", tool)]
    assert program.votes("rebuild").returncode == 0


@pytest.mark.parametrize("process", ["none", "api", "worker"])
def test_a_part_that_is_lost_is_mended_by_itself(program, tallies, process):
    """Also when whoever looks has just started: a part says how much it held."""
    redis, key, _ = tallies
    live = generation(redis)
    lost = {one.decode() for one in redis.hkeys(key)}
    slugs = [slug for slug in SLUGS if found(redis, slug) in lost]
    assert TOOL in slugs
    redis.delete(key)
    if process != "none":
        kill(program, process)
    wait_for(lambda: generation(redis) != live, "another generation")
    wait_until_ready(program)
    answers = [get(f"{program.url}/v1/tools/{slug}/tally") for slug in slugs]
    assert [answer.status_code for answer in answers] == [200] * len(slugs)
    assert program.votes("verify").returncode == 0
