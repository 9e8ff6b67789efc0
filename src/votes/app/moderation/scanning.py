"""The scan follows the log and stores what it finds, each finding once.

It is the consumer `scan` of the log. Its state is folded anew when a process starts, from two
segments of the log at most before the position that it had reached: a stored state would be one
more thing that may be wrong, and takes as long to read.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from votes.domain.moderation import finding as findings
from votes.domain.moderation.finding import (
    CLUSTER_VOTES_MAX,
    CLUSTERS,
    BurstFound,
    ClusterFound,
    Evidence,
    Networks,
    OnTool,
    Record,
    cluster_id,
    packed,
)
from votes.domain.terms import ClusterId, ToolId, VisitorId, VoterId, visitor_of
from votes.engine.batcher import CONTENDED
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.log import Position
from votes.engine.ports import EventStore, Meta, Unavailable
from votes.scan.lockstep import Group
from votes.scan.newness import Burst
from votes.scan.state import SEGMENT, Scan, begins

CONSUMER = "scan"
ACTOR = Meta(actor="scan")
SUBJECT = "clusters"
EVENTS_AT_ONCE_MAX = 500
LOOK_EVENTS_MAX = 50_000
"""After so many events the scan looks for groups, also while it catches up."""
CLUSTERS_MAX = 10_000
CHART_PARTS = 24
GROWTH_MIN = 1.1
"""A cluster that still grows is stored again when it has so many times the votes."""


ASKED_MAX = 5_000
"""So many voters of a finding are asked about: two days of each are read. Their ids are random, so
these are a sample."""

NetworksOf = Callable[[Collection[VisitorId]], Awaitable[Sequence[bytes | None]]]
"""In which network each of these visitors voted last, None where that is not known: hashes, of
which nothing but their number is stored. Raises `Unavailable`."""


async def not_known(visitors: Collection[VisitorId]) -> Sequence[bytes | None]:
    """Of nobody."""
    return [None] * len(visitors)


async def store_all(store: EventStore, requests: Sequence[Request]) -> None:
    """Store what the scan found or ruled. Raises `Unavailable`, also where others kept changing the
    same: nothing that is not stored may be taken for done."""
    if CONTENDED in await submit_all(store, requests):
        raise Unavailable("others kept changing what the scan writes to")


class NamedCluster(Struct, frozen=True):
    """A cluster as the scan knows it: its name, its votes, its voters, the event."""

    id: ClusterId
    positions: frozenset[Position]
    voters: frozenset[str]
    event: ClusterFound


class Scanner:
    """The scan of one process. Several may run at once: they come to the same. One that has raised
    begins anew: what it found may not be stored."""

    def __init__(
        self,
        store: EventStore,
        now: Callable[[], datetime],
        segment: int = SEGMENT,
        networks_of: NetworksOf = not_known,
    ) -> None:
        self._store, self._now, self._segment = store, now, segment
        self._networks_of = networks_of
        self._scan = Scan(segment=segment)
        self._stored: dict[ClusterId, frozenset[Position]] = {}
        self.clusters: dict[ClusterId, Evidence] = {}
        """The current clusters."""
        self.ruled: set[ClusterId] = set()
        """Those on which the scan itself has ruled."""
        self._seen: frozenset[ClusterId] = frozenset()
        self._looked_at: Position = 0
        self._reached: Position = 0

    @property
    def scan(self) -> Scan:
        return self._scan

    async def begin(self) -> None:
        """Read the state at the position that the scan had reached. Raises `Unavailable`."""
        self._reached = await self._store.reached(CONSUMER)
        self._scan = Scan(begins(self._reached, self._segment), self._segment)
        last = await self._store.last_of_prefix(CLUSTERS, CLUSTERS_MAX)
        current = findings.current(last)
        self.clusters = {name: one.evidence for name, one in current.items()}
        self._stored = {name: frozenset(findings.places(one)) for name, one in current.items()}
        self._looked_at = self._scan.position

    async def catch_up(self) -> None:
        """Read what is new in the log, and store what is found in it. Raises `Unavailable`."""
        async for events in self._store.after(self._scan.position, EVENTS_AT_ONCE_MAX):
            alarms = [self._scan.add(recorded) for recorded in events]
            new = [one for one in alarms if one is not None and one.position > self._reached]
            await self._record([await self._burst(alarm) for alarm in new])
            if self._scan.position - self._looked_at >= LOOK_EVENTS_MAX:
                await self._look()
            await asyncio.sleep(0)
        if self._scan.position > self._looked_at or not self._settled:
            await self._look()
        await self._store.finish(CONSUMER, self._scan.position)

    @property
    def _settled(self) -> bool:
        """Whether the groups of the last look are stored, or known from a look before."""
        return self._seen <= self._stored.keys()

    async def _look(self) -> None:
        """Find groups, in a thread: the projector shares the process."""
        stopped = threading.Event()
        position = self._scan.position
        try:
            clusters = await asyncio.to_thread(_clusters, self._scan, stopped)
        finally:
            stopped.set()
        again, self._seen = self._seen, frozenset(one.id for one in clusters)
        records = []
        for one in clusters:
            replaces = self._replaced(one, settled=one.id in again)
            if replaces is None:
                continue
            networks = await self._networks(one.voters)
            event = ClusterFound(one.event.evidence, one.event.votes, replaces, networks)
            records.append(Record(findings.cluster_stream(one.id), SUBJECT, event))
            self._stored[one.id], self.clusters[one.id] = one.positions, event.evidence
            for name in replaces:
                del self._stored[name], self.clusters[name]
        await self._record(records)
        self._looked_at = position

    async def _burst(self, alarm: Burst) -> Record:
        times = _time(alarm.start_s), _time(alarm.end_s)
        casts = self._scan.lockstep.casts
        since = casts.between(alarm.tool, alarm.start_s, alarm.end_s + 1)
        networks = await self._networks({casts.name(cast.voter) for cast in since})
        burst = BurstFound(*times, alarm.votes, alarm.new, alarm.ship, alarm.usual, networks)
        tool = ToolId(alarm.tool)
        return Record(findings.burst_stream(tool, alarm.position), tool, burst)

    async def _networks(self, voters: Collection[str]) -> Networks:
        """In how many they were: nothing is known while nobody answers."""
        visitors = [who for voter in voters if (who := visitor_of(VoterId(voter))) is not None]
        try:
            found = await self._networks_of(sorted(visitors)[:ASKED_MAX])
        except Unavailable:
            return Networks()
        known = [network for network in found if network is not None]
        return Networks(len(set(known)), len(known))

    def _replaced(self, one: NamedCluster, *, settled: bool) -> tuple[ClusterId, ...] | None:
        """Which clusters it takes the place of; None where it is not to be stored (yet)."""
        related = {
            name: votes
            for name, votes in self._stored.items()
            if 2 * len(votes & one.positions) >= min(len(votes), len(one.positions))
        }
        if any(one.positions <= votes for votes in related.values()):
            return None
        grown = all(len(one.positions) >= GROWTH_MIN * len(votes) for votes in related.values())
        if not grown and not settled:
            return None
        return tuple(
            sorted(
                name
                for name, votes in related.items()
                if 10 * len(votes & one.positions) >= 9 * len(votes)
            )
        )

    async def _record(self, records: Sequence[Record]) -> None:
        if records:
            at = self._now()
            await store_all(
                self._store, [Request(findings.decider, each, ACTOR, at) for each in records]
            )


def _clusters(scan: Scan, stopped: threading.Event) -> list[NamedCluster]:
    clusters = []
    for group in scan.groups():
        if stopped.is_set():
            break
        if group is not None:
            names = frozenset(map(scan.lockstep.casts.name, group.voters))
            clusters.append(_cluster(group, names))
    return clusters


def _cluster(group: Group, voters: frozenset[str]) -> NamedCluster:
    casts = sorted(group.casts, key=lambda cast: cast.position)[:CLUSTER_VOTES_MAX]
    votes = packed([cast.position for cast in casts])
    times = [cast.at_s for cast in casts]
    first_s, last_s = min(times), max(times)
    part_s = (last_s - first_s) // CHART_PARTS + 1
    chart = [0] * CHART_PARTS
    for at_s in times:
        chart[(at_s - first_s) // part_s] += 1
    evidence = Evidence(
        voters=len(group.voters),
        votes=len(casts),
        first=_time(first_s),
        last=_time(last_s),
        lockstep=round(group.lockstep, 2),
        one_sided=round(group.one_sided, 2),
        tools=tuple(_on_tools(group)),
        chart=tuple(chart),
    )
    return NamedCluster(
        cluster_id(evidence, votes),
        frozenset(cast.position for cast in casts),
        voters,
        ClusterFound(evidence, votes),
    )


def _on_tools(group: Group) -> Iterator[OnTool]:
    for window, (others_ship, others_skip) in zip(group.windows, group.others, strict=True):
        choices = [cast.ship for cast in group.casts if cast.tool == window.tool]
        ship = sum(choices)
        yield OnTool(
            ToolId(window.tool),
            _time(window.start_s),
            _time(window.end_s),
            ship,
            len(choices) - ship,
            others_ship,
            others_skip,
        )


def _time(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
