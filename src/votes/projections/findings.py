"""What the scan found: the clusters that are current, and the last burst on each tool."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from votes.domain.moderation.finding import BurstFound, ClusterFound, Evidence, Networks, cluster_of
from votes.domain.terms import ClusterId
from votes.engine.log import Position, Recorded
from votes.engine.projection import Projection


class Cluster(Struct, frozen=True):
    """A cluster, found at that time."""

    evidence: Evidence
    networks: Networks
    at: datetime
    position: Position


class Burst(Struct, frozen=True):
    """A burst, found at that time."""

    found: BurstFound
    at: datetime
    position: Position


def _cluster(before: Cluster | None, recorded: Recorded, key: str, *_: object) -> Cluster | None:
    """A cluster is gone with the one that takes its place."""
    if cluster_of(recorded.stream) != key:
        return None
    found = recorded.event
    return Cluster(found.evidence, found.networks, recorded.at, recorded.position)


def _clusters(recorded: Recorded) -> Iterable[ClusterId]:
    return (*recorded.event.replaces, cluster_of(recorded.stream))


def _burst(_: Burst | None, recorded: Recorded, *__: object) -> Burst:
    return Burst(recorded.event, recorded.at, recorded.position)


CLUSTERS = Projection("clusters", Cluster, on={ClusterFound: _clusters}, evolve=_cluster)
"""The current clusters, by cluster."""

BURSTS = Projection(
    "bursts", Burst, on={BurstFound: lambda recorded: (recorded.subject,)}, evolve=_burst
)
"""The last burst on each tool, by tool."""
