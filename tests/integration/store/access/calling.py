"""Calls of the database's function that no program of ours makes."""

import json
from typing import Any

import asyncpg

from votes.store.queries import QUERIES

AT = "2026-01-01T00:00:00Z"


async def call_append(
    connection: asyncpg.Connection, stream: str, *versions: int, relied: bool = True
) -> list[int]:
    """Append an event of each version to the stream, relying on where the first says it stands."""
    rows: list[Any] = [[stream, version, "s", "VoteCast", 1, {}, {}, AT, 0] for version in versions]
    places = [[stream, versions[0] - 1, [0]]] if relied else []
    return await call_with(connection, {"relied": places, "events": rows})


async def call_with(connection: asyncpg.Connection, batch: Any) -> list[int]:
    """The appends of the document that are refused."""
    row = await connection.fetchrow(QUERIES["append"], json.dumps(batch))
    assert row is not None
    refused: list[int] = row["refused"]
    return refused
