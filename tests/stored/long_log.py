"""A long log with many votes on one tool, what is asked of its past, and the answers by a recount.

Votes are in the order of their times, but for those that were imported: these are of any time
before. All were stored in the past, so they are written by the database's owner: what is appended
now would all be late.
"""

import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from typing import Any

import asyncpg

from tests.polling import LIMIT_S
from votes.app.catalogue.past import Past
from votes.app.catalogue.tools import Tool
from votes.app.catalogue.trend import BUCKETS_MAX, WIDTH, Window, window
from votes.config import Config
from votes.domain.terms import Choice, ToolId, VoterId, visitor
from votes.domain.tool import Entry, ToolListed
from votes.domain.vote import stream
from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.projecting.projector import rebuild
from votes.engine.reading.reader import Reader, ReadSource
from votes.engine.reading.replica import Replica
from votes.http.logins.tokens import RANDOM_BYTES, hours, visitor_id
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES, Tally, moved
from votes.resources import event_store
from votes.store.codec import Codec
from votes.store.connections import PAST
from votes.wiring import read_model_store

TOOL = ToolId("tool000")
TOOLS = [TOOL, *(ToolId(f"tool{number:03}") for number in range(1, 200))]
"""By their ids, which are their slugs too."""
START = datetime(2025, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=300)
COLUMNS = (
    *("position", "at", "late", "stream", "version"),
    *("subject", "type", "schema", "data", "meta"),
)
CODEC = Codec()
ROWS_AT_ONCE = 10_000
KINDS = ("position", "time", "trend")
FIRST: tuple[Choice, ...] = ("ship", "ship", "skip")
LATER: tuple[Choice | None, ...] = ("ship", "skip", None)


class Recount:
    """The votes on the tool, as (position, at, ship, skip): what each added when it was cast."""

    def __init__(self, votes: list[tuple[int, datetime, int, int]]) -> None:
        self._positions = [vote[0] for vote in votes]
        self._votes, self._sums = votes, _sums(votes)
        by_time = sorted(votes, key=lambda vote: vote[1])
        self.times = [vote[1] for vote in by_time]
        self._sums_by_time = _sums(by_time)
        self._latest = list(accumulate((vote[:2] for vote in by_time), max))

    def at_position(self, position: int) -> Any:
        count = bisect_right(self._positions, position)
        return (*self._sums[count], *self._votes[count - 1][:2]) if count else None

    def at_time(self, at: datetime) -> Any:
        """Below zero only where a vote was taken back at a time before it was cast."""
        count = bisect_right(self.times, at)
        ship, skip = self._sums_by_time[count]
        return (max(ship, 0), max(skip, 0), *self._latest[count - 1]) if count else None

    def trend(self, asked: Window) -> Any:
        width = WIDTH[asked.bucket]
        sums = [self._sums_by_time[bisect_left(self.times, at)] for at in asked.starts()]
        sums.append(self._sums_by_time[bisect_left(self.times, asked.start + asked.count * width)])
        buckets = [
            (at, then[0] - before[0], then[1] - before[1], *then)
            for at, before, then in zip(asked.starts(), sums, sums[1:], strict=False)
        ]
        return buckets, self._positions[-1]


def _sums(votes: list[tuple[int, datetime, int, int]]) -> list[tuple[int, int]]:
    ships = accumulate((ship for *_, ship, _ in votes), initial=0)
    return list(zip(ships, accumulate((skip for *_, skip in votes), initial=0), strict=True))


async def fill(
    owner: asyncpg.Connection, chance: random.Random, events: int, votes: int, imported: float
) -> Recount:
    """Put so many events into the empty log, so many of them votes on the tool, among the others.

    `imported` is the share of votes that were imported. Answers what those on the tool come to.
    """
    said, counted = _votes_on_the_tool(chance, votes), []
    listed = [(f"tool:{tool}", 0, ToolListed(tool, Entry(tool, "x"))) for tool in TOOLS]
    rows = [_row(n, START, START, TOOLS[n - 1], one) for n, one in enumerate(listed, 1)]
    share = votes / (events - len(TOOLS))
    for number in range(events - len(TOOLS)):
        position, passed = len(TOOLS) + number + 1, SPAN * (number / events)
        at = START + (passed * chance.random() if chance.random() < imported else passed)
        if int((number + 1) * share) > int(number * share):
            tool, vote = TOOL, next(said)
            if chance.random() < 0.02:
                at = at.replace(minute=0, second=0, microsecond=0)
            counted.append((position, at, moved(vote[-1]).ship, moved(vote[-1]).skip))
        else:
            tool = chance.choice(TOOLS[1:])
            vote = stream(_voter(chance, passed), tool), 0, VoteCast("ship")
        rows.append(_row(position, START + passed, at, tool, vote))
        if len(rows) >= ROWS_AT_ONCE or position == events:
            await owner.copy_records_to_table("events", columns=COLUMNS, records=rows)
            rows = []
    return Recount(counted)


def _row(
    position: int, stored: datetime, at: datetime, tool: str, added: tuple[str, int, Any]
) -> tuple[Any, ...]:
    """As `append_events` would have written it then; the values of `COLUMNS`."""
    where, version, event = added
    late = stored - at > timedelta(minutes=10)
    return position, at, late, where, version + 1, tool, *CODEC.encode(event), "{}"


def _voter(chance: random.Random, passed: timedelta) -> VoterId:
    """A visitor who was made then."""
    return visitor(visitor_id(hours(START + passed), chance.randbytes(RANDOM_BYTES)))


def _votes_on_the_tool(chance: random.Random, votes: int) -> Iterator[tuple[str, int, Any]]:
    """One of five is of somebody who has voted before: the other choice, or taken back."""
    voters: list[tuple[str, int, Any]] = []
    for number in count():
        if voters and chance.random() < 0.2:
            place = chance.randrange(len(voters))
            where, version, before = voters[place]
            choice = chance.choice([choice for choice in LATER if choice != before])
        else:
            place, version, before = len(voters), 0, None
            where = stream(_voter(chance, SPAN * (number / votes)), TOOL)
            choice = chance.choice(FIRST)
            voters.append((where, 0, None))
        voters[place] = (where, version + 1, choice)
        yield where, version, VoteCast(choice, before) if choice else VoteRetracted(before)


class Asking:
    """Asks for the past of the tool; an answer that is not the recount's fails."""

    def __init__(
        self, past: Past, read: ReadSource, recount: Recount, chance: random.Random
    ) -> None:
        models = read.models
        profile, tally = models.get(PROFILES, TOOL), models.get(TALLIES, TOOL)
        assert profile is not None
        assert tally is not None
        self._tool = Tool(TOOL, profile, tally)
        self._past, self._read = past, read
        self._recount, self._chance = recount, chance

    async def ask(self, kind: str, least: float, most: float) -> float:
        """Ask about a random moment between these shares of the log; answers how long it took, in
        seconds."""
        share = self._chance.uniform(least, most)
        return await getattr(self, f"_{kind}")(share)

    async def _position(self, share: float) -> float:
        position = max(round(share * self._read.models.position), 0)
        began = time.perf_counter()
        tally = await self._past.tally_at_position(self._read, TOOL, position)
        took_s = time.perf_counter() - began
        assert _said(tally) == self._recount.at_position(position), position
        return took_s

    async def _time(self, share: float) -> float:
        at = START + share * SPAN
        if self._chance.random() < 0.1:
            at = self._recount.times[round(share * (len(self._recount.times) - 1))]
        began = time.perf_counter()
        tally = await self._past.tally_at_time(self._read, TOOL, at)
        took_s = time.perf_counter() - began
        assert _said(tally) == self._recount.at_time(at), at
        return took_s

    async def _trend(self, share: float) -> float:
        bucket = self._chance.choice(tuple(WIDTH))
        start = START + share * SPAN
        length = self._chance.randint(1, BUCKETS_MAX - 1) * WIDTH[bucket]
        asked = window(bucket, start, start + length, start)
        began = time.perf_counter()
        view = await self._past.trend(self._read, self._tool, asked)
        took_s = time.perf_counter() - began
        buckets = [(b.at, b.ship, b.skip, b.ship_total, b.skip_total) for b in view.buckets]
        assert (buckets, view.position) == self._recount.trend(asked), asked
        return took_s


def _said(tally: Tally | None) -> Any:
    return tally and (tally.ship, tally.skip, tally.position, tally.as_of)


@asynccontextmanager
async def asking(
    config: Config, seed: int, events: int, votes: int, imported: float
) -> AsyncIterator[Asking]:
    """A log of this size in an empty database, projected, and a recount to ask beside."""
    chance = random.Random(seed)
    owner = await asyncpg.connect(config.migration_url)
    try:
        recount = await fill(owner, chance, events, votes, imported)
    finally:
        await owner.close()
    async with event_store(config, PAST) as store, read_model_store(config) as kept:
        await kept.load()
        models = await rebuild(store, kept)
        reader = Reader(Replica(), store, PROJECTIONS, wait_s=LIMIT_S)  # it folds the whole log
        past = Past(store, reader, kept)
        yield Asking(past, ReadSource(models, stale=False), recount, chance)
