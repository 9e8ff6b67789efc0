"""The log counted apart from the program, and all that was seen compared with it."""

import asyncio
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from time import monotonic
from typing import Any

from tests.faults.crowd import rows
from tests.faults.killing import part
from tests.faults.soak.breaker import PARTS
from tests.faults.soak.honest import poll_settled
from tests.faults.soak.readers import Stream, tallies_in
from tests.faults.soak.record import Counts, Outage, Record
from tests.faults.soak.stolen import ACTOR
from tests.faults.soak.wire import Broken, Connection
from tests.polling import LIMIT_S
from tests.site import Site
from tests.stored.slugs import VOTES_BY_SLUG

POLL_S = 0.2
VOTE_P99_S = 1.0
NOTHING: Counts = (0, 0)


class Log:
    """Every state that a tool's tally had, and each voter's last choice.

    Counted from what each voter chose before, not from what the events say of it.
    """

    def __init__(self) -> None:
        self.choices: dict[str, str | None] = {}
        self.stored: dict[int, tuple[str, str | None]] = {}
        self._positions: dict[str, list[int]] = defaultdict(list)
        self._counts: dict[str, list[Counts]] = defaultdict(list)

    def add(self, position: int, stream: str, tool: str, choice: str | None) -> None:
        ship, skip = self.counts(tool)
        before = self.choices.get(stream)
        ship += (choice == "ship") - (before == "ship")
        skip += (choice == "skip") - (before == "skip")
        self.choices[stream] = choice
        self.stored[position] = stream, choice
        self._positions[tool].append(position)
        self._counts[tool].append((ship, skip))

    def counts(self, tool: str, position: int | None = None) -> Counts:
        """Of the tool at the position, or at the end."""
        positions = self._positions[tool]
        number = bisect_right(positions, position) if position is not None else len(positions)
        return self._counts[tool][number - 1] if number else NOTHING


async def count(site: Site) -> Log:
    stored = await rows(
        site,
        f"SELECT position, said, tool, choice FROM {VOTES_BY_SLUG} WHERE stream LIKE 'vote:%'"
        " AND meta->>'actor' IS DISTINCT FROM $1 ORDER BY position",
        ACTOR,
    )
    log = Log()
    for row in stored:
        log.add(row["position"], row["said"], row["tool"], row["choice"])
    return log


def judge_votes(record: Record, log: Log) -> None:
    """Every acknowledged vote is at its position, and each voter's last one is the last."""
    for vote in record.acknowledged:
        if log.stored.get(vote.position) != (vote.stream, vote.choice):
            record.complain("an acknowledged vote is lost", f"{vote}")
    for stream, choice in record.choices.items():
        if log.choices.get(stream) != choice:
            told = f"{stream}: acknowledged {choice}, stored {log.choices.get(stream)}"
            record.complain("an acknowledged choice is lost", told)


def judge_numbers(record: Record, log: Log) -> None:
    """Every number that was shown is what the log says at its position."""
    for (tool, position), counts in record.shown.items():
        if counts != log.counts(tool, position):
            told = (
                f"{tool} at {position}: shown {counts}, the log says {log.counts(tool, position)}"
            )
            record.complain("a wrong number was shown", told)


async def poll_alive(record: Record, site: Site, head: int) -> bool:
    """Whether the program has mended itself, all by itself."""
    until, told = monotonic() + LIMIT_S, "nothing"
    while monotonic() < until:
        try:
            with closing(Connection(site.port)) as connection:
                answer = await connection.ask("GET", "/health/ready")
            told = answer.body.decode()
            ready = json.loads(answer.body)
            if ready["status"] == "ok" and ready["position"] >= head:
                return True
        except (Broken, ValueError) as error:
            told = f"{error}"
        await asyncio.sleep(POLL_S)
    record.complain("not alive at the end", f"{told} when the log was at {head}")
    return False


async def poll_tallies(record: Record, site: Site, head: int) -> list[dict[str, Any]]:
    """What the API says at the end, once it no longer reads that from the log; none where it says
    nothing."""
    path = f"/v1/tallies?tools={','.join(record.tools)}&min_position={head}"
    until, found = monotonic() + LIMIT_S, list[dict[str, Any]]()
    while monotonic() < until:
        with closing(Connection(site.port)) as connection:
            answer, _ = await poll_settled(record, connection, "GET", path)
        if answer is None or answer.status != 200:
            record.complain("no tallies at the end", f"{answer}")
            return []
        found = list(tallies_in(json.loads(answer.body)))
        if not any(tally["stale"] for tally in found):
            break
        await asyncio.sleep(POLL_S)
    return found


async def judge_tallies(record: Record, site: Site, log: Log, head: int) -> None:
    """What the API says at the end is what the log says."""
    for tally in await poll_tallies(record, site, head):
        counts = tally["ship"], tally["skip"]
        if counts != log.counts(tally["tool"]) or tally["stale"]:
            told = f"{tally}, the log says {log.counts(tally['tool'])}"
            record.complain("a wrong number at the end", told)


async def poll_streams(record: Record, log: Log, streams: Sequence[Stream]) -> None:
    """Until each page shows what the log says."""

    def behind() -> Iterator[str]:
        for stream in streams:
            for tool in stream.tools:
                shown = stream.current.get(tool, (0, NOTHING))
                if shown[1] != log.counts(tool):
                    told = f"{tool}: {shown}, the log says {log.counts(tool)}"
                    yield f"{told}; it heard last: {', '.join(stream.heard)}"

    until = monotonic() + LIMIT_S
    while any(behind()) and monotonic() < until:
        await asyncio.sleep(POLL_S)
    for told in behind():
        record.complain("a stream shows something else at the end", told)


async def poll_models(record: Record, site: Site, within_s: float = 0.0) -> None:
    """`votes verify` is clean, at once or within that time: of what was garbled last, the projector
    looks at one partition a second."""
    until = monotonic() + within_s
    verified = await asyncio.to_thread(site.votes, "verify")
    while verified.returncode != 0 and monotonic() < until:
        verified = await asyncio.to_thread(site.votes, "verify")
    if verified.returncode != 0:
        told = f"{verified.stdout[-300:]} {verified.stderr[-500:]}"
        record.complain("votes verify is not clean", told)


def latencies(record: Record) -> list[float]:
    """Seconds that each vote took, in order of size: of those that met no outage of Postgres and
    no pause of this machine, less the time in which the API was killed or stopped itself."""
    away = [outage for outage in record.outages if outage.part in ("postgres", "the machine")]
    without = [outage for outage in record.outages if outage.part == "api"]
    return sorted(
        end - start - sum(_shared(outage, start, end) for outage in without)
        for start, end in record.votes
        if not any(_shared(outage, start, end) for outage in away)
    )


def _shared(outage: Outage, start: float, end: float) -> float:
    """Seconds of the outage within the time from start to end."""
    return max(0.0, min(outage.end, end) - max(outage.start, start))


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("inf")


def judge_latency(record: Record) -> None:
    p99 = percentile(latencies(record), 0.99)
    if p99 > VOTE_P99_S:
        record.complain("votes are slow", f"p99 of {p99:.2f} s outside of outages of Postgres")


async def judge(record: Record, site: Site, streams: list[Stream]) -> None:
    """All of it, after the clients of the soak have stopped and before the streams do."""
    (row,) = await rows(site, "SELECT max(position) AS head FROM events")
    alive = await poll_alive(record, site, row["head"])
    running = {name: part(site, name) for name in PARTS}
    log = await count(site)
    if alive:
        await judge_tallies(record, site, log, row["head"])
        await poll_streams(record, log, streams)
    await poll_models(record, site, LIMIT_S)
    if running != {name: part(site, name) for name in PARTS} or None in running.values():
        record.complain("a part does not stay alive", f"{running}")
    judge_votes(record, log)
    judge_numbers(record, log)


def table(record: Record) -> list[str]:
    """What was done and found, a line each."""
    lines = [f"{number:>8}  {what}" for what, number in sorted(record.done.items())]
    for name, found in {
        "all votes": sorted(end - start for start, end in record.votes),
        "votes outside of outages of Postgres": latencies(record),
    }.items():
        p50, p99 = percentile(found, 0.5), percentile(found, 0.99)
        lines.append(f"{len(found):>8}  {name}: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    lines.append(f"{record.worst_s:>8.2f}  s: the oldest vote missing in what was shown as fresh")
    away: dict[str, float] = defaultdict(float)
    for outage in record.outages:
        away[outage.part] += outage.end - outage.start
    lines += [f"{seconds:>8.1f}  s without {name}" for name, seconds in sorted(away.items())]
    return lines


def verdict(record: Record) -> list[str]:
    """What is wrong, the first few of each kind."""
    return [
        f"{record.complained[kind]} x {kind}: {told}"
        for kind, found in record.complaints.items()
        for told in found
    ]
