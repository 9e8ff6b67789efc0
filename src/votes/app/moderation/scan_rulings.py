"""Rulings that the scan makes by itself, in the same way as a moderator makes them.

Held votes are released when they are old enough and nothing speaks against them: they are in no
cluster, no burst of new voters came at that time, and they are too few to put the tool under
review. Where a site asks for it, the votes of a cluster are discounted. The name of a ruling is
made from what it is about, so several scans at once, and a scan that begins anew, make it once; and
what a moderator lifted is left to moderators.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from votes.app.moderation import rulings
from votes.app.moderation.scanning import ACTOR, Scanner, store_all
from votes.domain import verdict
from votes.domain import vote as votes
from votes.domain.moderation import ruling as rules
from votes.domain.moderation.finding import BurstFound
from votes.domain.moderation.ruling import (
    CLUSTERS_MAX,
    RULING_EVENTS,
    MakeRuling,
    RulingLifted,
    RulingMade,
    Selector,
)
from votes.domain.terms import Reason, RulingId, ToolId
from votes.domain.vote import Vote
from votes.domain.vote_events import UNTIL_PROVEN, VOTE_EVENTS
from votes.engine.handle import Request
from votes.engine.log import TIME_END, Position, Unreadable
from votes.engine.ports import EventStore

BY_SCAN = "scan-"
"""Begins the names of these rulings."""
VOTES_READ_MAX = 1_000
FINDINGS_READ_MAX = 10_000
BURST_LASTS = timedelta(days=1)
"""Votes within this time after a burst was noticed are of the burst too."""


async def discount_clusters(store: EventStore, scanner: Scanner, at: datetime) -> None:
    """Discount the votes of each cluster on each of its tools. Raises `Unavailable`."""
    for name, cluster in sorted(scanner.clusters.items()):
        if name in scanner.ruled:
            continue
        reason = f"By the scan: {cluster.voters} voters in lockstep on {len(cluster.tools)} tools."
        selector = Selector(cluster=name)
        for on in cluster.tools:
            await _make(store, on.tool, selector, "discount", reason, at)
        scanner.ruled.add(name)


async def release_held(store: EventStore, scanner: Scanner, at: datetime, quiet: timedelta) -> None:
    """Release the held votes that are older than `quiet`. Raises `Unavailable`."""
    until = (at - quiet).replace(minute=0, second=0, microsecond=0)
    reason = f"By the scan: held for {quiet / timedelta(hours=1):g} hours, and nothing found."
    head = await store.head()
    for tool in map(ToolId, scanner.scan.tools_with_held_votes()):
        if await _is_left_to_moderators(store, tool, head):
            continue
        without = tuple(
            name
            for name, cluster in sorted(scanner.clusters.items())
            if any(on.tool == tool for on in cluster.tools)
        )
        if len(without) > CLUSTERS_MAX:
            continue
        for start, end in await _quiet_times(store, tool, head, until):
            selector = Selector(start, end, held=True, without=without)
            made = RulingMade(selector, "release", reason)
            if (await rulings.preview(store, tool, made, head)).votes:
                await _make(store, tool, selector, "release", reason, at)


async def _make(
    store: EventStore,
    tool: ToolId,
    selector: Selector,
    verdict: rules.Verdict,
    reason: Reason,
    at: datetime,
) -> None:
    about = repr((tool, selector, verdict)).encode()
    name = RulingId(BY_SCAN + sha256(about).hexdigest()[:16])
    command = MakeRuling(name, tool, selector, verdict, reason)
    await store_all(store, [Request(rules.decider, command, ACTOR, at)])


async def _is_left_to_moderators(store: EventStore, tool: ToolId, head: Position) -> bool:
    """Whether the tool is under review, or a moderator lifted a ruling of the scan on it."""
    events = await store.last_about(tool, RULING_EVENTS, head, FINDINGS_READ_MAX)
    by_scan = rules.stream(RulingId(BY_SCAN))
    if any(
        isinstance(one.event, RulingLifted) and one.stream.startswith(by_scan) for one in events
    ):
        return True
    total = held = reached = 0
    while reached < head:
        page, reached = await store.standing(tool, VOTE_EVENTS, reached, head, VOTES_READ_MAX)
        for last in page:
            if isinstance(last.event, Unreadable):
                continue
            vote = votes.evolve(Vote(), last.event)
            total += vote.choice is not None and vote.against is None
            held += vote.against in UNTIL_PROVEN
    return verdict.is_under_review(total, held)


async def _quiet_times(
    store: EventStore, tool: ToolId, head: Position, until: datetime
) -> Sequence[tuple[datetime | None, datetime]]:
    """The times before `until` without a burst on the tool."""
    lasts = await store.last_about(tool, (BurstFound,), head, FINDINGS_READ_MAX)
    bursts = sorted(
        (one.event.start, min(one.event.end, TIME_END) + BURST_LASTS)
        for one in lasts
        if isinstance(one.event, BurstFound)
    )
    return list(_gaps(bursts, until))


def _gaps(
    bursts: Sequence[tuple[datetime, datetime]], until: datetime
) -> Iterator[tuple[datetime | None, datetime]]:
    start: datetime | None = None
    for begun, over in bursts:
        if begun >= until:
            break
        if start is None or start < begun:
            yield start, begun
        start = over if start is None else max(start, over)
    if start is None or start < until:
        yield start, until
