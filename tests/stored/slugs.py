"""Which tool a slug leads to, for tests that look into the log."""

import asyncpg

from votes.domain.terms import ToolId

SLUGS = "SELECT substr(stream, 6) AS slug, data->>'tool' AS id FROM events WHERE type = 'SlugTaken'"
VOTES_BY_SLUG = f"""(
    SELECT events.*, slug AS tool,
        left(stream, -length(subject)) || slug AS said,
        data->>'choice' AS choice, data->>'previous' AS previous
    FROM events JOIN ({SLUGS}) AS slugs ON id = subject
    WHERE type IN ('VoteCast', 'VoteRetracted')
) AS votes"""
"""The votes, with their `tool` by slug; `said` is the stream's name with the slug in it, as if that
were the tool's id."""


async def ids_by_slug(url: str) -> dict[str, ToolId]:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return {row["slug"]: ToolId(row["id"]) for row in await connection.fetch(SLUGS)}
    finally:
        await connection.close()
