"""Why a tally is what it is: counted from the log, vote by vote, without the read models."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from votes.domain import verdict
from votes.domain import vote as votes
from votes.domain.moderation import ruling as rulings
from votes.domain.moderation.finding import CLUSTERS, BurstFound, current
from votes.domain.moderation.ruling import RulingMade, Selector, Verdict, ruling_of
from votes.domain.terms import Choice, ClusterId, Reason, RulingId, Time, ToolId, ToolSlug
from votes.domain.verdict import Call
from votes.domain.vote import Vote
from votes.domain.vote_events import HELD, VOTE_EVENTS, Against
from votes.engine.log import Position, Recorded, Unreadable
from votes.engine.ports import EventStore

VOTES_READ_MAX = 1_000
RULINGS_READ_MAX = 10_000
FINDINGS_READ_MAX = 10_000


class RulingTold(Struct, frozen=True):
    """A ruling that stands on so many `votes` now. While it is not `carried_out`, a worker has yet
    to change some, or to restore some of a lifted one."""

    id: RulingId
    verdict: Verdict
    selector: Selector
    reason: Reason
    made_at: Time
    lifted_at: Time | None
    votes: int
    carried_out: bool


class ClusterTold(Struct, frozen=True):
    """So many voters in lockstep, and their votes on the tool."""

    id: ClusterId
    voters: int
    ship: int
    skip: int
    start: Time
    end: Time


class BurstTold(Struct, frozen=True):
    """So many votes of the tool, of which so many were of new voters."""

    start: Time
    end: Time
    votes: int
    new: int


class Explanation(Struct, frozen=True):
    """What the tally is made of at the head of the log, the `position`.

    `ship` and `skip` are the votes that count, `against` how many do not for each reason. All these
    are by `visitors`, `users`, others `on_behalf` of whom a user voted, and voters of `imported`
    files. The first and the last of them were cast at these times, None where there are none.
    """

    tool: ToolSlug
    ship: int
    skip: int
    call: Call
    under_review: bool
    against: dict[Against, int]
    visitors: int
    users: int
    on_behalf: int
    imported: int
    first_vote_at: Time | None
    last_vote_at: Time | None
    rulings: list[RulingTold]
    clusters: list[ClusterTold]
    bursts: list[BurstTold]
    position: Position


async def explain(store: EventStore, tool: ToolId, slug: ToolSlug) -> Explanation:
    """Read all votes on the tool. Raises `Unavailable`."""
    head = await store.head()
    standing = await _standing(store, tool, head)
    current = [(last, vote) for last, vote in standing if vote.choice is not None]
    count: Counter[Choice | None] = Counter(v.choice for _, v in current if v.against is None)
    against: Counter[Against] = Counter(v.against for _, v in current if v.against is not None)
    ship, skip = count["ship"], count["skip"]
    under_review = verdict.is_under_review(ship + skip, sum(against[why] for why in HELD))
    kinds = Counter(votes.voter_of(last.stream).partition(":")[0] for last, _ in current)
    times = [last.at for last, _ in current]
    return Explanation(
        tool=slug,
        ship=ship,
        skip=skip,
        call=verdict.community(ship, skip, under_review=under_review).call,
        under_review=under_review,
        against={why: number for why, number in against.items() if number},
        visitors=kinds["v"],
        users=kinds["user"],
        on_behalf=kinds["for"],
        imported=kinds["import"],
        first_vote_at=min(times, default=None),
        last_vote_at=max(times, default=None),
        rulings=await _rulings(store, tool, head, [vote for _, vote in standing]),
        clusters=await _clusters(store, tool),
        bursts=[
            BurstTold(one.event.start, one.event.end, one.event.votes, one.event.new)
            for one in await store.last_about(tool, (BurstFound,), head, FINDINGS_READ_MAX)
            if isinstance(one.event, BurstFound)
        ],
        position=head,
    )


async def _standing(store: EventStore, tool: ToolId, head: Position) -> list[tuple[Recorded, Vote]]:
    """The last event of each voter, and the vote after it."""
    standing, reached = [], 0
    while reached < head:
        page, reached = await store.standing(tool, VOTE_EVENTS, reached, head, VOTES_READ_MAX)
        standing += [
            (last, votes.evolve(Vote(), last.event))
            for last in page
            if not isinstance(last.event, Unreadable)
        ]
    return standing


async def _rulings(
    store: EventStore, tool: ToolId, head: Position, standing: Sequence[Vote]
) -> list[RulingTold]:
    """The rulings on the tool, oldest first."""
    unfinished = await store.unfinished(rulings.PREFIX, RULINGS_READ_MAX)
    behind = {one.last.stream for one in unfinished}
    on = Counter(vote.discounted_by or vote.released_by for vote in standing)
    events = await store.last_about(tool, rulings.RULING_EVENTS, head, RULINGS_READ_MAX)
    lifted_at = {one.stream: one.at for one in events if not isinstance(one.event, RulingMade)}
    return [
        RulingTold(
            id=(name := ruling_of(made.stream)),
            verdict=made.event.verdict,
            selector=made.event.selector,
            reason=made.event.reason,
            made_at=made.at,
            lifted_at=lifted_at.get(made.stream),
            votes=on[name],
            carried_out=made.stream not in behind,
        )
        for made in events
        if isinstance(made.event, RulingMade)
    ]


async def _clusters(store: EventStore, tool: ToolId) -> list[ClusterTold]:
    """The current clusters with votes on the tool."""
    clusters = current(await store.last_of_prefix(CLUSTERS, FINDINGS_READ_MAX))
    return [
        ClusterTold(name, one.evidence.voters, on.ship, on.skip, on.start, on.end)
        for name, one in sorted(clusters.items())
        for on in one.evidence.tools
        if on.tool == tool
    ]
