"""`apply.lua`: a partition moves from one checkpoint to the next, all or nothing."""

from importlib.resources import files

import pytest

from tests.integration.projection.scene import dump

EPOCH = "e1e1e1e1"
WHERE = CHECKPOINT, TALLIES, PROFILES, PARKED = tuple(
    f"votes:{{p00}}:{name}" for name in ("checkpoint", "tallies", "profiles", "parked")
)
SCRIPT = (files("votes.views") / "apply.lua").read_text()
BEYOND_DOUBLE = 2**53


async def apply(redis, before, after, *, epoch=EPOCH, tallies=(), profiles=(), parked=()):
    """The script's answer to a batch of pairs; those without a value are taken away."""
    arguments = []
    for pairs in (tallies, profiles, parked):
        gets = [text for pair in pairs if pair[1] is not None for text in pair]
        loses = [field for field, value in pairs if value is None]
        arguments += [len(gets) // 2, len(loses), *gets, *loses]
    return await redis.eval(SCRIPT, len(WHERE), *WHERE, epoch, before, after, *arguments)


async def test_a_batch_that_starts_at_the_checkpoint_is_applied(redis):
    await redis.set(CHECKPOINT, f"{EPOCH}:10:0:0:0")
    answer = await apply(
        redis,
        10,
        12,
        tallies=[("a", "tally of a"), ("b", "tally of b")],
        profiles=[("a", "profile of a")],
        parked=[("11", "NewEvent/1"), ("12", "NewEvent/2")],
    )
    assert answer == b"applied"
    assert await redis.get(CHECKPOINT) == f"{EPOCH}:12:2:1:2".encode()
    assert await redis.hgetall(TALLIES) == {b"a": b"tally of a", b"b": b"tally of b"}
    assert await redis.hgetall(PROFILES) == {b"a": b"profile of a"}
    assert await redis.hgetall(PARKED) == {b"11": b"NewEvent/1", b"12": b"NewEvent/2"}


async def test_a_value_that_is_no_longer_is_taken_away(redis):
    await redis.set(CHECKPOINT, f"{EPOCH}:10:2:0:0")
    await redis.hset(TALLIES, mapping={"a": "tally of a", "b": "tally of b"})
    gone = [("a", None), ("c", "tally of c"), ("b", None), ("never", None)]
    assert await apply(redis, 10, 12, tallies=gone, parked=[("11", "x")]) == b"applied"
    assert await redis.get(CHECKPOINT) == f"{EPOCH}:12:1:0:1".encode()
    assert await redis.hgetall(TALLIES) == {b"c": b"tally of c"}


async def test_a_batch_without_values_moves_the_checkpoint_alone(redis):
    await redis.set(CHECKPOINT, f"{EPOCH}:10:0:0:0")
    assert await apply(redis, 10, 99) == b"applied"
    assert await dump(redis) == await dump(redis) | {
        CHECKPOINT: f"{EPOCH}:99:0:0:0".encode(),
    }
    assert not await redis.exists(TALLIES, PROFILES, PARKED)


async def test_a_batch_sent_twice_is_past(redis):
    await redis.set(CHECKPOINT, f"{EPOCH}:10:0:0:0")
    assert await apply(redis, 10, 12, tallies=[("a", "once")]) == b"applied"
    assert await apply(redis, 10, 12, tallies=[("a", "twice")]) == b"past"
    assert await redis.hgetall(TALLIES) == {b"a": b"once"}


@pytest.mark.parametrize(
    ("checkpoint", "before", "answer"),
    [
        ("e1e1e1e1:10:1:0:0", 9, b"past"),
        ("e1e1e1e1:10:1:0:0", 11, b"refused"),
        ("e1e1e1e1:9:1:0:0", 10, b"refused"),
        ("e1e1e1e1:100:1:0:0", 99, b"past"),
        (f"e1e1e1e1:{BEYOND_DOUBLE + 1}:1:0:0", BEYOND_DOUBLE, b"past"),
        (f"e1e1e1e1:{BEYOND_DOUBLE}:1:0:0", BEYOND_DOUBLE + 1, b"refused"),
        (f"e1e1e1e1:{2**63 - 1}:1:0:0", 2**63 - 2, b"past"),
        ("f2f2f2f2:10:1:0:0", 10, b"refused"),
        ("f2f2f2f2:10:1:0:0", 9, b"refused"),
        ("e1e1e1e1::1:0:0", 10, b"refused"),
        ("e1e1e1e1:10", 10, b"refused"),
        ("10", 10, b"refused"),
        ("e1e1e1e1:10:2:0:0", 10, b"refused"),
        ("e1e1e1e1:10:0:0:0", 10, b"refused"),
        ("e1e1e1e1:10:1:1:0", 9, b"refused"),
        ("e1e1e1e1:10:1:0:1", 10, b"refused"),
        (None, 0, b"refused"),
        (None, 10, b"refused"),
    ],
)
async def test_a_batch_that_starts_elsewhere_changes_nothing(redis, checkpoint, before, answer):
    await redis.hset(TALLIES, "a", "as it was")
    if checkpoint is not None:
        await redis.set(CHECKPOINT, checkpoint)
    kept = await dump(redis)
    found = await apply(
        redis, before, 2**63 - 1, tallies=[("a", "x")], profiles=[("a", "x")], parked=[("9", "x")]
    )
    assert found == answer
    assert await dump(redis) == kept


@pytest.mark.parametrize("before", [BEYOND_DOUBLE, BEYOND_DOUBLE + 1, 2**63 - 2])
async def test_positions_beyond_a_double_are_exact(redis, before):
    await redis.set(CHECKPOINT, f"{EPOCH}:{before}:0:0:0")
    assert await apply(redis, before, before + 1) == b"applied"
    assert await redis.get(CHECKPOINT) == f"{EPOCH}:{before + 1}:0:0:0".encode()
