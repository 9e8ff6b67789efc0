"""The past of a log as long as a test may make it; `make bench ARGS=past` asks a longer one."""

import random
import re

import asyncpg
import pytest

from tests.stored import long_log
from tests.stored.long_log import KINDS, TOOL, asking, fill
from votes.store.connections import PAST, create_pool
from votes.store.queries import QUERIES

SEED = 20_261
EVENTS, VOTES = 20_000, 4_000
ASKS = 100


@pytest.mark.parametrize("imported", [0.1, 1.0])
async def test_whatever_is_asked_of_the_past_is_what_a_recount_says(config, imported):
    async with asking(config, SEED, EVENTS, VOTES, imported) as past:
        for kind in KINDS:
            for _ in range(ASKS):
                await past.ask(kind, -0.01, 1.01)


async def test_late_votes_are_found_by_their_times_alone(config, monkeypatch):
    """Where all are on one tool, the planner believes that by their positions is as good."""
    monkeypatch.setattr(long_log, "TOOLS", [TOOL])
    owner = await asyncpg.connect(config.migration_url)
    await fill(owner, random.Random(SEED), EVENTS, EVENTS - 1, 1.0)
    await owner.execute("ANALYZE events")
    await owner.close()
    pool = await create_pool(config.postgres_url, PAST)
    async with pool, pool.acquire() as connection:
        await connection.execute(f"PREPARE asked AS {QUERIES['count_late_events']}")
        plan = await connection.fetch(f"EXPLAIN EXECUTE asked ({', '.join(['NULL'] * 8)})")
    indexes = re.findall(r"events_\w+", str(plan))
    assert indexes == ["events_late_subject_at"]
