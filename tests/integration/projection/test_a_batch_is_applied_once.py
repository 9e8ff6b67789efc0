"""`apply.lua`: a partition moves from one checkpoint to the next, all or nothing."""

from importlib.resources import files
from typing import NamedTuple

import pytest

from tests.integration.projection.scene import dump

EPOCH = "e1e1e1e1"
SCRIPT = (files("votes.views") / "apply.lua").read_text()
BEYOND_DOUBLE = 2**53


class Where(NamedTuple):
    checkpoint: str
    tallies: str
    profiles: str
    parked: str


def where(space) -> Where:
    """The keys of a partition with three models."""
    return Where(*(f"{space.prefix}:{{p00}}:{name}" for name in Where._fields))


async def apply(space, before, after, *, epoch=EPOCH, tallies=(), profiles=(), parked=()):
    """The script's answer to a batch of pairs; those without a value are taken away."""
    arguments = []
    for pairs in (tallies, profiles, parked):
        gets = [text for pair in pairs if pair[1] is not None for text in pair]
        loses = [field for field, value in pairs if value is None]
        arguments += [len(gets) // 2, len(loses), *gets, *loses]
    keys = where(space)
    return await space.redis.eval(SCRIPT, len(keys), *keys, epoch, before, after, *arguments)


async def test_a_batch_that_starts_at_the_checkpoint_is_applied(space):
    await space.redis.set(where(space).checkpoint, f"{EPOCH}:10:0:0:0")
    answer = await apply(
        space,
        10,
        12,
        tallies=[("a", "tally of a"), ("b", "tally of b")],
        profiles=[("a", "profile of a")],
        parked=[("11", "NewEvent/1"), ("12", "NewEvent/2")],
    )
    assert answer == b"applied"
    redis, keys = space.redis, where(space)
    assert await redis.get(keys.checkpoint) == f"{EPOCH}:12:2:1:2".encode()
    assert await redis.hgetall(keys.tallies) == {b"a": b"tally of a", b"b": b"tally of b"}
    assert await redis.hgetall(keys.profiles) == {b"a": b"profile of a"}
    assert await redis.hgetall(keys.parked) == {b"11": b"NewEvent/1", b"12": b"NewEvent/2"}


async def test_a_value_that_is_no_longer_is_taken_away(space):
    await space.redis.set(where(space).checkpoint, f"{EPOCH}:10:2:0:0")
    await space.redis.hset(where(space).tallies, mapping={"a": "tally of a", "b": "tally of b"})
    gone = [("a", None), ("c", "tally of c"), ("b", None), ("never", None)]
    assert await apply(space, 10, 12, tallies=gone, parked=[("11", "x")]) == b"applied"
    assert await space.redis.get(where(space).checkpoint) == f"{EPOCH}:12:1:0:1".encode()
    assert await space.redis.hgetall(where(space).tallies) == {b"c": b"tally of c"}


async def test_a_batch_without_values_moves_the_checkpoint_alone(space):
    await space.redis.set(where(space).checkpoint, f"{EPOCH}:10:0:0:0")
    assert await apply(space, 10, 99) == b"applied"
    assert await dump(space) == await dump(space) | {
        where(space).checkpoint: f"{EPOCH}:99:0:0:0".encode(),
    }
    assert not await space.redis.exists(*where(space)[1:])


async def test_a_batch_sent_twice_is_refused(space):
    await space.redis.set(where(space).checkpoint, f"{EPOCH}:10:0:0:0")
    assert await apply(space, 10, 12, tallies=[("a", "once")]) == b"applied"
    assert await apply(space, 10, 12, tallies=[("a", "twice")]) == b"refused"
    assert await space.redis.hgetall(where(space).tallies) == {b"a": b"once"}


@pytest.mark.parametrize(
    ("checkpoint", "before"),
    [
        ("e1e1e1e1:10:1:0:0", 9),
        ("e1e1e1e1:10:1:0:0", 11),
        ("e1e1e1e1:9:1:0:0", 10),
        ("e1e1e1e1:100:1:0:0", 99),
        (f"e1e1e1e1:{BEYOND_DOUBLE + 1}:1:0:0", BEYOND_DOUBLE),
        (f"e1e1e1e1:{BEYOND_DOUBLE}:1:0:0", BEYOND_DOUBLE + 1),
        (f"e1e1e1e1:{2**63 - 1}:1:0:0", 2**63 - 2),
        ("f2f2f2f2:10:1:0:0", 10),
        ("f2f2f2f2:10:1:0:0", 9),
        ("e1e1e1e1::1:0:0", 10),
        ("e1e1e1e1:10", 10),
        ("10", 10),
        ("e1e1e1e1:10:2:0:0", 10),
        ("e1e1e1e1:10:0:0:0", 10),
        ("e1e1e1e1:10:1:1:0", 9),
        ("e1e1e1e1:10:1:0:1", 10),
        (None, 0),
        (None, 10),
    ],
)
async def test_a_batch_that_starts_elsewhere_changes_nothing(space, checkpoint, before):
    await space.redis.hset(where(space).tallies, "a", "as it was")
    if checkpoint is not None:
        await space.redis.set(where(space).checkpoint, checkpoint)
    kept = await dump(space)
    found = await apply(
        space, before, 2**63 - 1, tallies=[("a", "x")], profiles=[("a", "x")], parked=[("9", "x")]
    )
    assert found == b"refused"
    assert await dump(space) == kept


@pytest.mark.parametrize("before", [BEYOND_DOUBLE, BEYOND_DOUBLE + 1, 2**63 - 2])
async def test_positions_beyond_a_double_are_exact(space, before):
    await space.redis.set(where(space).checkpoint, f"{EPOCH}:{before}:0:0:0")
    assert await apply(space, before, before + 1) == b"applied"
    assert await space.redis.get(where(space).checkpoint) == f"{EPOCH}:{before + 1}:0:0:0".encode()
