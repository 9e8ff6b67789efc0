"""What the scan for fraud found: clusters of votes of one hand, and bursts of new voters.

A finding holds what it rests on: counts, times and places in the log, never a person. Its name is
made from its content, so the same finding is stored once, however often it is found.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import accumulate, takewhile

import msgspec
from msgspec import Struct

from votes.domain.terms import ClusterId, Time, ToolId
from votes.engine.decider import Decider, Rejected
from votes.engine.log import POSITION_MAX, Position, Recorded, Stream

CLUSTERS = "cluster:"
"""The prefix of the streams of all clusters, and of no other."""
CLUSTER_VOTES_MAX = 100_000

UNKNOWN = Rejected("cluster_unknown", "There is no such cluster on this tool.")


class OnTool(Struct, frozen=True):
    """The votes of a cluster on a tool. Most were cast from `start` to `end`. `others_ship` and
    `others_skip` are the votes that others cast on it at other times."""

    tool: ToolId
    start: Time
    end: Time
    ship: int
    skip: int
    others_ship: int
    others_skip: int


class Evidence(Struct, frozen=True):
    """How many `voters` cast how many `votes`, and why chance does not explain it.

    `lockstep` and `one_sided` are natural logs (`votes.scan.lockstep`). `chart` is the number of
    votes in equal parts of the time from the first of them to the last.
    """

    voters: int
    votes: int
    first: Time
    last: Time
    lockstep: float
    one_sided: float
    tools: tuple[OnTool, ...]
    chart: tuple[int, ...]


class Networks(Struct, frozen=True):
    """In so many networks `known` of the voters were when they voted last. Of the others that is
    not known: of users, of visitors who voted last more than two days before they were found, and
    of those beyond the first few thousand.

    It is a sign and no evidence: it does not follow from the log, and an office is one network.
    """

    number: int = 0
    known: int = 0


class ClusterFound(Struct, frozen=True):
    """`votes` are the places of the votes in the log: the first, then the steps from each to the
    next. It takes the place of the clusters that it `replaces`, as they grew."""

    evidence: Evidence
    votes: str
    replaces: tuple[ClusterId, ...] = ()
    networks: Networks = Networks()


class BurstFound(Struct, frozen=True):
    """From `start` to `end` so many `votes` came on the tool, of which so many were of `new`
    voters, and so many for ship. On other tools the share `usual` of the votes was of new voters.
    It may go on: a tool has one a day."""

    start: Time
    end: Time
    votes: int
    new: int
    ship: int
    usual: float
    networks: Networks = Networks()


FindingEvent = ClusterFound | BurstFound


def cluster_stream(cluster: ClusterId) -> Stream:
    return Stream(f"{CLUSTERS}{cluster}")


def cluster_of(stream: Stream) -> ClusterId:
    """The cluster of its stream. Raises `ValueError` for another stream."""
    if not stream.startswith(CLUSTERS):
        raise ValueError("not the stream of a cluster")
    return ClusterId(stream.removeprefix(CLUSTERS))


def cluster_id(evidence: Evidence, votes: str) -> ClusterId:
    """The name of the cluster: a hash of its tools, windows and votes."""
    windows = [(each.tool, each.start, each.end) for each in evidence.tools]
    return ClusterId(sha256(msgspec.json.encode([windows, votes])).hexdigest()[:16])


def burst_stream(tool: ToolId, position: Position) -> Stream:
    """Of the burst that the vote at the position made known."""
    return Stream(f"burst:{tool}:{position}")


def packed(positions: Sequence[Position]) -> str:
    """Places in the log, in order, as an event holds them."""
    before = [0, *positions]
    return " ".join(str(each - last) for last, each in zip(before, positions, strict=False))


def places(found: ClusterFound) -> list[Position]:
    """The places of its votes in the log, in order; none after a step that is no number."""
    steps = takewhile(_is_step, found.votes.split())
    return [place for place in accumulate(map(int, steps)) if place <= POSITION_MAX]


def _is_step(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(POSITION_MAX))


def current(found: Iterable[Recorded]) -> dict[ClusterId, ClusterFound]:
    """The clusters, of the last events of their streams, that no other took the place of."""
    clusters = {
        cluster_of(one.stream): one.event for one in found if isinstance(one.event, ClusterFound)
    }
    replaced = {name for one in clusters.values() for name in one.replaces}
    return {name: one for name, one in clusters.items() if name not in replaced}


class Record(Struct, frozen=True):
    """Store a finding about the subject."""

    stream: Stream
    subject: str
    found: FindingEvent


def decide(command: Record, recorded: bool) -> Sequence[FindingEvent]:
    return [] if recorded else [command.found]


decider: Decider[Record, bool] = Decider(
    initial=False,
    streams=lambda command: (command.stream,),
    subject=lambda command: command.subject,
    evolve=lambda _, __: True,
    decide=decide,
)
