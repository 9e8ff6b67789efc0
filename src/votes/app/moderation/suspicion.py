"""What the scan found, as moderators see it: counts and times, never a person."""

from collections.abc import Iterator
from math import exp

from msgspec import Struct

from votes.domain.moderation.finding import OnTool
from votes.domain.terms import ClusterId, Time, ToolId, ToolSlug
from votes.domain.verdict import share
from votes.engine.log import Position
from votes.engine.read_models import ReadModels
from votes.projections.findings import BURSTS, CLUSTERS, Cluster
from votes.projections.profiles import PROFILES
from votes.projections.rulings import RULINGS

SHOWN_MAX = 50
LOG_EVIDENCE_MAX = 230.0


class ClusterToolView(Struct, frozen=True):
    """The votes of a cluster on a tool, most of them from `start` to `end`, and the share of ship
    among them and among the votes of others. `ruled`: a ruling on this cluster discounts them."""

    tool: ToolSlug
    start: Time
    end: Time
    ship: int
    skip: int
    ship_share: float | None
    others_ship_share: float | None
    ruled: bool


class ClusterView(Struct, frozen=True):
    """So many `voters` who cast their `votes` on the same tools at the same times, as if by one
    hand.

    `density` is the share of these tools on which a voter voted, on average. `lockstep` is the
    natural log of how much likelier that is if they belong together than by chance, after all ways
    to choose them. `one_sided` is the e-value of their choices against the choices of others, e^230
    at most. `chart` is the number of votes in equal parts of the time from `first` to `last`.
    `network_known` of the voters were in so many `networks` (IPv4 addresses, IPv6 /64) when they
    voted last; of the others that is not known. One office is one network.
    """

    id: ClusterId
    found_at: Time
    voters: int
    votes: int
    first: Time
    last: Time
    density: float
    lockstep: float
    one_sided: float
    tools: list[ClusterToolView]
    chart: list[int]
    networks: int
    network_known: int
    position: Position


class BurstView(Struct, frozen=True):
    """From `start` to `end` so many `votes` came on the tool, of which so many were of `new`
    voters, and so many for ship. On other tools the share `usual` was new. `network_known` of the
    voters were in so many `networks` when they voted last."""

    tool: ToolSlug
    start: Time
    end: Time
    votes: int
    new: int
    ship: int
    usual: float
    networks: int
    network_known: int
    position: Position


def clusters(models: ReadModels) -> list[ClusterView]:
    """The last clusters that rulings do not discount on all their tools, newest first."""
    ruled = {
        (ruling.selector.cluster, ruling.tool)
        for _, ruling in models.items(RULINGS)
        if ruling.lifted_at is None and ruling.verdict == "discount"
    }
    open_ = [
        (cluster.position, name, cluster)
        for name, cluster in models.items(CLUSTERS)
        if any((name, each.tool) not in ruled for each in cluster.evidence.tools)
    ]
    return [
        _cluster_view(models, ClusterId(name), cluster, ruled)
        for _, name, cluster in sorted(open_, key=lambda one: -one[0])[:SHOWN_MAX]
    ]


def _cluster_view(
    models: ReadModels,
    name: ClusterId,
    cluster: Cluster,
    ruled: set[tuple[ClusterId | None, ToolId]],
) -> ClusterView:
    evidence = cluster.evidence
    of_all = evidence.voters * len(evidence.tools)
    return ClusterView(
        id=name,
        found_at=cluster.at,
        voters=evidence.voters,
        votes=evidence.votes,
        first=evidence.first,
        last=evidence.last,
        density=round(min(evidence.votes / of_all, 1.0), 3) if of_all else 0.0,
        lockstep=evidence.lockstep,
        one_sided=float(f"{exp(min(evidence.one_sided, LOG_EVIDENCE_MAX)):.3g}"),
        tools=[
            view
            for each in evidence.tools
            for view in _tool_view(models, each, ruled=(name, each.tool) in ruled)
        ],
        chart=list(evidence.chart),
        networks=cluster.networks.number,
        network_known=cluster.networks.known,
        position=cluster.position,
    )


def _tool_view(models: ReadModels, on: OnTool, *, ruled: bool) -> Iterator[ClusterToolView]:
    """Of a tool that is known."""
    profile = models.get(PROFILES, on.tool)
    if profile is not None:
        yield ClusterToolView(
            tool=profile.slug,
            start=on.start,
            end=on.end,
            ship=on.ship,
            skip=on.skip,
            ship_share=share(on.ship, on.skip),
            others_ship_share=share(on.others_ship, on.others_skip),
            ruled=ruled,
        )


def bursts(models: ReadModels) -> list[BurstView]:
    """The last burst on each tool, newest first."""
    newest = sorted(models.items(BURSTS), key=lambda one: -one[1].position)[:SHOWN_MAX]
    return [
        BurstView(
            tool=profile.slug,
            start=burst.found.start,
            end=burst.found.end,
            votes=burst.found.votes,
            new=burst.found.new,
            ship=burst.found.ship,
            usual=burst.found.usual,
            networks=burst.found.networks.number,
            network_known=burst.found.networks.known,
            position=burst.position,
        )
        for tool, burst in newest
        if (profile := models.get(PROFILES, tool)) is not None
    ]
