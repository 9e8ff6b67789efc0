"""Calls of the database's function that no program of ours makes."""

from datetime import UTC, datetime
from uuid import uuid4

from votes.store.queries import QUERIES

AT = datetime(2026, 1, 1, tzinfo=UTC)


async def call_append(connection, stream, *versions):
    """Append an event of each version to the stream; the streams refused."""
    each = [1] * len(versions)
    columns = [[stream for _ in each], list(versions), [uuid4() for _ in each]]
    columns += [["VoteCast" for _ in each], each, ["{}" for _ in each], ["{}" for _ in each]]
    columns += [[AT for _ in each], [], [], [], [], []]
    row = await connection.fetchrow(QUERIES["append"], *columns)
    return row["refused"]
