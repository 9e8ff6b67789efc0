"""Rows that no release of ours would write, as with a stolen login of the database.

On the tools that honest people vote on they cannot be read, so they count nothing. Those that can
be read, and are absurd, are on `ODD_TOOLS`, of which no number is checked.
"""

import json
from collections.abc import Sequence
from time import monotonic
from typing import Any

import asyncpg

from tests.faults.soak.record import Outage, Record
from tests.site import Site
from votes.domain import vote
from votes.domain.terms import ToolId, VoterId
from votes.store.queries import QUERIES

ACTOR = "stolen"
ODD_TOOLS = ("odd-0", "odd-1", "odd-2")
PAUSE_S = 0.5
HOLDS = 0.015
HELD_S = (1.0, 4.0)
SETTLING_S = 1.0
LONG = 20_000
DEEP = 500
OF_SLUG = "SELECT data->>'tool' FROM events WHERE stream = $1 ORDER BY version LIMIT 1"

Row = tuple[str, int, Any]


def unreadable(tool: str, voter: str) -> Sequence[Row]:
    """Type, schema and data of events that cannot be read."""
    vote = {"choice": "ship"}
    other: Sequence[Any] = (None, 5, True, "ship", [], {}, [vote])
    deep: Any = vote
    for _ in range(DEEP):
        deep = {"choice": deep}
    return (
        ("VoteCast", 1, {"choice": 5}),
        *(("VoteCast", 1, data) for data in other),
        ("VoteCast", 1, vote | {"choice": "SHIP"}),
        ("VoteCast", 1, vote | {"choice": None}),
        ("VoteCast", 1, vote | {"choice": {"of": voter}}),
        ("VoteCast", 1, vote | {"choice": "a" * LONG}),
        ("VoteCast", 1, vote | {"previous": 10**400}),
        ("VoteCast", 1, deep),
        *(("VoteCast", schema, vote) for schema in (-32_768, -1, 0, 2, 32_767)),
        ("VoteRetracted", 1, {"previous": "maybe"}),
        ("VoteRetracted", 1, {"tool": tool}),
        *(
            (kind, 1, vote)
            for kind in ("", "votecast", "VoteCast/1", "Vote\nCast", "🗳", "V" * LONG)
        ),
        ("ToolListed", 1, {"slug": tool, "entry": {"name": 5}}),
        ("ToolRevised", 1, {"slug": tool, "entry": None}),
        ("ToolRenamed", 1, {"slug": "-", "entry": {"name": "x", "category": "y"}}),
        ("SlugTaken", 1, {"tool": [tool]}),
        ("ReviewPublished", 1, {"opinion": {"score": 10**30}}),
    )


def absurd(voter: str) -> Sequence[tuple[str, str, Any]]:
    """Time, type and data of events that can be read."""
    vote, gone = {"choice": "ship"}, {"previous": "skip"}
    times = ("0001-01-01", "4713-01-01 BC", "9999-12-31 23:59:59.999999", "294276-12-31")
    return (
        *((time, "VoteCast", vote) for time in (*times, "infinity", "-infinity", "1969-07-20")),
        *((time, "VoteRetracted", gone) for time in ("now", "-infinity")),
        ("infinity", "ToolRevised", {"slug": "x", "entry": {"name": "x", "category": "y"}}),
        ("now", "ToolRenamed", {"slug": "x", "entry": {"name": "x", "category": "y"}}),
        ("now", "SlugTaken", {"tool": voter.replace(":", "-")}),
        ("-infinity", "ReviewWithdrawn", {}),
        ("4713-01-01 BC", "ToolDelisted", {"slug": "x"}),
        ("infinity", "ToolBookmarked", {"user": voter}),
    )


async def insert(
    connection: asyncpg.Connection,
    stream: str,
    version: int,
    tool: str,
    row: Row,
    at: str = "now",
) -> None:
    """As the owner of the database, in the order that the writers' lock gives; of the tool with
    this slug, in its streams."""
    kind, schema, data = row
    found = await connection.fetchval(OF_SLUG, f"slug:{tool}")
    stream = stream.removesuffix(tool) + (found or tool) if stream.endswith(tool) else stream
    async with connection.transaction():
        position = 1 + await connection.fetchval("SELECT open_log()")
        await connection.execute(
            "INSERT INTO events"
            " (position, stream, version, subject, type, schema, data, meta, at, late)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::jsonb,"
            " $9::text::timestamptz, $1::bigint % 2 = 0)",
            *(position, stream, version, found or tool, kind, schema, json.dumps(data)),
            *(json.dumps({"actor": ACTOR}), at),
        )


def stream_of(voter: str, tool: str) -> str:
    return vote.stream(VoterId(voter), ToolId(tool))


class Thief:
    """Adds one such row after another, as long as Postgres takes them."""

    def __init__(self, record: Record, site: Site) -> None:
        self.record, self.site = record, site
        self.mind = record.mind("thief")

    async def run(self) -> None:
        number = 0
        while not self.record.over.is_set():
            number += 1
            try:
                if self.mind.random() < HOLDS:
                    await self._hold()
                else:
                    await self._insert(number)
            except asyncpg.PostgresError as error:
                self.record.done[f"rows refused by {type(error).__name__}"] += 1
            except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                self.record.done["rows while Postgres was away"] += 1
            await self.record.pause(self.mind.uniform(0, 2 * PAUSE_S))

    async def _hold(self) -> None:
        """As the login of the API: append nothing, and do not end the transaction."""
        connection = await asyncpg.connect(self.site.servers.api_url, timeout=5)
        try:
            await connection.execute("BEGIN")
            await connection.fetchrow(QUERIES["append"], "{}")
            self.record.done["transactions held open"] += 1
            began = monotonic()
            await self.record.pause(self.mind.uniform(*HELD_S))
            self.record.outages.append(Outage("postgres", began, monotonic() + SETTLING_S))
        finally:
            connection.terminate()

    async def _insert(self, number: int) -> None:
        connection = await asyncpg.connect(
            self.site.servers.owner_url, timeout=5, command_timeout=5
        )
        try:
            voter = f"v:stolen-{number}"
            if self.mind.random() < 0.6:
                tool = self.mind.choice(self.record.tools)
                row = self.mind.choice(unreadable(tool, voter))
                await insert(connection, stream_of(voter, tool), 1, tool, row)
                self.record.done["rows that cannot be read"] += 1
                return
            tool = self.mind.choice(ODD_TOOLS)
            at, kind, data = self.mind.choice(absurd(voter))
            streams = (stream_of(voter, tool), f"tool:{voter}", f"nothing {voter}", f"🗳:{voter}")
            version = self.mind.choice((1, 1, 2**31 - 1))
            await insert(connection, self.mind.choice(streams), version, tool, (kind, 1, data), at)
            self.record.done["rows that are absurd"] += 1
        finally:
            connection.terminate()


async def preload(site: Site, tool: str, votes: int) -> None:
    """Many honest votes on one tool, so that to count them anew takes long."""
    connection = await asyncpg.connect(site.servers.owner_url, command_timeout=60)
    try:
        async with connection.transaction():
            before = await connection.fetchval("SELECT open_log()")
            found = await connection.fetchval(OF_SLUG, f"slug:{tool}")
            await connection.execute(
                "INSERT INTO events"
                " (position, stream, version, subject, type, schema, data, meta, at, late)"
                " SELECT $3::bigint + n, format('vote:%s:%s:%s', length(v), v, $1::text), 1, $1,"
                " 'VoteCast', 1,"
                " jsonb_build_object('choice', CASE n % 3 WHEN 0 THEN 'skip' ELSE 'ship' END),"
                " '{\"actor\": \"loaded\"}', now() - interval '1 minute' * (n % 40000),"
                " n % 40000 > 10"
                " FROM generate_series(1, $2::int) AS n, concat('v:loaded-', n) AS v",
                found,
                votes,
                before,
            )
            await connection.execute("NOTIFY votes_log")
        await connection.execute("ANALYZE events")  # or the queries of the judge take minutes
    finally:
        connection.terminate()
