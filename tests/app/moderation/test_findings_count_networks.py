"""A finding says in how many networks its voters were, and is the same where nobody knows."""

from datetime import UTC, datetime

import pytest

from tests.app.moderation.test_the_scan_stores_what_it_finds import (
    BOTS,
    found,
    logged,
    planted,
    scanned,
)
from tests.engine.commands.sending import everything, listed, request
from votes.app.moderation import scanning
from votes.domain.moderation.finding import BurstFound, Networks
from votes.domain.terms import VoterId
from votes.domain.vote import CastVote
from votes.engine.bulk import submit_all
from votes.engine.ports import Unavailable

KNOWN = {f"campaign-{bot}": b"network %d" % (bot % 4) for bot in range(BOTS) if bot % 3}


class Asked:
    """Knows the networks of some bots, and who was asked for."""

    def __init__(self):
        self.visitors = []

    async def __call__(self, visitors):
        self.visitors.append(set(visitors))
        return [KNOWN.get(who) for who in visitors]


async def away(_):
    raise Unavailable("Redis")


async def test_a_cluster_counts_the_networks_of_its_voters(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    asked = Asked()
    await scanned(log, networks_of=asked)
    (cluster,) = await found(log)
    assert {vote.voter for vote in bots} in asked.visitors
    assert cluster.event.networks == Networks(4, len(KNOWN))
    assert "network " not in repr(await everything(log))


async def test_of_very_many_voters_a_sample_is_asked_about(log, monkeypatch):
    monkeypatch.setattr(scanning, "ASKED_MAX", 7)
    honest, bots = planted()
    await logged(log, honest + bots)
    asked = Asked()
    await scanned(log, networks_of=asked)
    (cluster,) = await found(log)
    assert max(map(len, asked.visitors)) == 7
    assert cluster.event.networks.known <= 7


async def test_a_burst_counts_those_of_its_votes(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    asked = Asked()
    await scanned(log, networks_of=asked)
    bursts = await found(log, BurstFound)
    assert bursts
    for burst, visitors in zip(bursts, asked.visitors, strict=False):
        assert burst.event.new <= len(visitors) <= burst.event.votes + 3
        here = {KNOWN[who] for who in visitors & KNOWN.keys()}
        assert burst.event.networks == Networks(len(here), len(visitors & KNOWN.keys()))
        assert burst.event.networks.known


async def test_where_nobody_answers_the_same_is_found(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    await scanned(log, networks_of=away)
    findings = [*await found(log), *await found(log, BurstFound)]
    assert findings
    assert {one.event.networks for one in findings} == {Networks()}
    await scanned(log, networks_of=Asked())
    assert [*await found(log), *await found(log, BurstFound)] == findings


@pytest.mark.parametrize("kind", ["user", "for", "import"])
async def test_of_others_than_visitors_nobody_is_asked(log, kind):
    honest, bots = planted()
    await logged(log, honest)
    await submit_all(log, [listed(tool) for tool in {vote.tool for vote in bots}])
    for vote in sorted(bots):
        cast = CastVote(vote.tool, VoterId(f"{kind}:{vote.voter}"), "ship")
        await submit_all(log, [request(cast, at=datetime.fromtimestamp(vote.at_s, UTC))])
    asked = Asked()
    await scanned(log, networks_of=asked)
    (cluster,) = await found(log)
    assert cluster.event.networks == Networks()
    assert not any(who in KNOWN for visitors in asked.visitors for who in visitors)
