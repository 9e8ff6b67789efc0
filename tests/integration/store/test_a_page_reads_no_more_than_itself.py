"""Pages of a long log are read by index, whether or not Postgres knows how long it is."""

import re

import pytest

from votes.store.connections import COMMANDS, create_pool
from votes.store.queries import QUERIES

FILL = """
    INSERT INTO events (position, stream, version, subject, type, schema, data, meta, at, late)
    SELECT n, 'vote:' || n / 2, 1 + n % 2, CASE WHEN n % 10 < 2 THEN 'bolt' ELSE 'atlas' END,
        'VoteCast', 1, '{"choice": "ship"}', '{}', now(), false
    FROM generate_series(2, 20000) AS n
"""
INDEXES = ["events_subject_position", "events_stream_version"]


@pytest.mark.parametrize("analyzed", [False, True])
async def test_what_stood_at_a_position_is_found_by_its_subject(config, owner, analyzed):
    await owner.execute(FILL)
    if analyzed:
        await owner.execute("ANALYZE events")
    pool = await create_pool(config.postgres_url, COMMANDS)
    async with pool, pool.acquire() as connection:
        await connection.execute(f"PREPARE asked AS {QUERIES['standing']}")
        plan = await connection.fetch(f"EXPLAIN EXECUTE asked ({', '.join(['NULL'] * 5)})")
    said = "\n".join(row[0] for row in plan)
    assert re.findall(r"events_\w+_\w+|events_position", said) == INDEXES, said
    assert "Bitmap" not in said, said
    assert "SubPlan" not in said, said
