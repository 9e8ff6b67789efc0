"""Sample votes for the demo: a history of eight weeks, the same at each start but for the clock.

They are made up, and say nothing about any tool. Popularity falls with the rank as in Zipf's law;
the ranks come from hashes of the slugs, and so does how many would ship a tool. Votes on some
tools were mostly cast in the last days. One group of voters acts as one hand, for the scan to find,
and the votes of one crowd are held, for a moderator to look at. The tools of the panel stay without
votes.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from random import Random

from msgspec import Struct

from votes.demo import reviews, tools
from votes.domain.terms import Choice, ToolSlug, VoterId
from votes.domain.vote_events import Uncounted

HISTORY = timedelta(weeks=8)
VOTERS = 700
TOP_VOTES = 440
ZIPF_EXPONENT = 0.75
EVEN_RANKS = (1, 4, 9)
"""The tools of these ranks have as many votes for ship as for skip."""
RISING_EVERY = 7
RISES_FOR = timedelta(days=6)
RING_VOTERS, RING_RANKS = 18, range(60, 66)
RING_BEGAN, RING_LASTED = timedelta(days=3), timedelta(minutes=20)
CROWD_VOTERS, CROWD_RANK = 26, 30
CROWD_BEGAN, CROWD_LASTED = timedelta(hours=5), timedelta(minutes=10)
YOUNGEST = timedelta(minutes=2)

VOTERS_PREFIX = "import:sample-"
"""Begins the ids of these voters, as of any that are imported."""


class SampleVote(Struct, frozen=True):
    """`age` is how long before the start of the demo it was cast. `held` is why it does not count,
    None where it does."""

    tool: ToolSlug
    voter: VoterId
    choice: Choice
    age: timedelta
    held: Uncounted | None = None


def samples() -> list[SampleVote]:
    """All sample votes, the oldest first; at most one of a voter on a tool."""
    ranked = _ranked()
    chance = Random("sample votes")  # noqa: S311 - no secret
    votes = [vote for rank, slug in enumerate(ranked) for vote in _of_tool(rank, slug, chance)]
    votes += _by_one_hand([ranked[rank] for rank in RING_RANKS], chance)
    votes += _of_a_crowd(ranked[CROWD_RANK], chance)
    return sorted(votes, key=lambda vote: (-vote.age, vote.tool, vote.voter))


def _ranked() -> Sequence[ToolSlug]:
    """The tools with sample votes, the most popular first."""
    reviewed = {review.tool for review in reviews()}
    return sorted((slug for slug, _ in tools() if slug not in reviewed), key=_hash)


def _hash(slug: ToolSlug) -> int:
    return int.from_bytes(sha256(slug.encode()).digest())


def _of_tool(rank: int, slug: ToolSlug, chance: Random) -> Iterator[SampleVote]:
    total = round(TOP_VOTES / (1 + rank) ** ZIPF_EXPONENT)
    ship = round(_share(rank, slug) * total)
    choices: list[Choice] = ["ship" if number < ship else "skip" for number in range(total)]
    chance.shuffle(choices)
    longest = RISES_FOR if rank % RISING_EVERY == 0 else HISTORY - timedelta(days=1)
    for voter, choice in zip(chance.sample(range(VOTERS), total), choices, strict=True):
        age = YOUNGEST + chance.random() * (longest - YOUNGEST)
        yield SampleVote(slug, _voter(voter), choice, age)


def _share(rank: int, slug: ToolSlug) -> float:
    """The share of ship: a half, or between a fifth and nearly all, by the hash of the slug."""
    return 0.5 if rank in EVEN_RANKS else 0.2 + 0.75 * (_hash(slug) % 1_000) / 1_000


def _by_one_hand(slugs: Sequence[ToolSlug], chance: Random) -> Iterator[SampleVote]:
    """Votes of the same voters on the same tools, at the same times, with the same choice."""
    for number, slug in enumerate(slugs):
        began = RING_BEGAN - number * timedelta(hours=3)
        for voter in range(RING_VOTERS):
            age = began - chance.random() * RING_LASTED
            yield SampleVote(slug, _voter(VOTERS + voter), "skip", age)


def _of_a_crowd(slug: ToolSlug, chance: Random) -> Iterator[SampleVote]:
    """Held votes of voters who voted on nothing else."""
    for voter in range(CROWD_VOTERS):
        age = CROWD_BEGAN - chance.random() * CROWD_LASTED
        yield SampleVote(slug, _voter(VOTERS + RING_VOTERS + voter), "ship", age, "unproven")


def _voter(number: int) -> VoterId:
    return VoterId(f"{VOTERS_PREFIX}{number:03}")


FIRST_VOTER = _voter(0)
"""Who cast some of them."""
