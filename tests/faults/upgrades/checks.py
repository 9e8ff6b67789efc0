"""The log counted apart from the program, and all that was seen on the way compared with it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from tests.faults.crowd import rows
from tests.faults.soak.judge import (
    Log,
    count,
    judge_numbers,
    judge_tallies,
    judge_votes,
    poll_alive,
    poll_models,
    poll_streams,
)
from tests.faults.soak.record import Record
from tests.faults.upgrades.house import House
from tests.faults.upgrades.people import Counts, Page

KINDS = {"with a new model": ("VoteCast", "VoteRetracted"), "with raised versions": ("VoteCast",)}
"""Which events a release counts."""

Stored = tuple[int, str, str]
"""Position, subject and type of an event."""


async def stored_votes(house: House) -> list[Stored]:
    query = "SELECT position, subject, type FROM events WHERE type = ANY($1) ORDER BY position"
    return [tuple(row) for row in await rows(house, query, KINDS["with a new model"])]


def judge_counts(record: Record, seen: Iterable[Counts], stored: Iterable[Stored]) -> None:
    """Each answer has counted all that the log has up to its position, and of what is ahead of
    that, all up to its own."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for position, subject, kind in stored:
        places[subject, kind].append(position)
    for counts in seen:
        for subject in {subject for subject, _ in places}:
            number, position = counts.numbers.get(subject, (0, 0))
            end = max(position, counts.position)
            right = sum(bisect_right(places[subject, k], end) for k in KINDS[counts.release])
            if number != right:
                told = f"{subject} of {counts}: the log has {right} up to {end}"
                record.complain("a wrong count was shown", told)


async def judge(record: Record, house: House, pages: list[Page], seen: Iterable[Counts]) -> Log:
    """All of it, after who votes has stopped and before the streams do; answers the log."""
    (row,) = await rows(house, "SELECT max(position) AS head FROM events")
    log = await count(house)
    for port in house.ports:
        house.port = port
        if await poll_alive(record, house, row["head"]):
            await judge_tallies(record, house, log, row["head"])
    await poll_streams(record, log, pages)
    await poll_models(record, house)
    judge_votes(record, log)
    judge_numbers(record, log)
    judge_counts(record, seen, await stored_votes(house))
    return log
