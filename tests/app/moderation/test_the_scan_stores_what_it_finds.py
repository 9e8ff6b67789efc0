"""The scan stores each finding once, and one ruling takes a campaign out of a tally."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.engine.commands.sending import everything, listed, request
from tests.scan.planting import LEVELS, START_S, Honest, campaign, made_votes
from votes.app.moderation.rulings import carry_out_all, preview
from votes.app.moderation.scanning import CONSUMER, Scanner, not_known
from votes.domain.moderation.finding import CLUSTERS, BurstFound, ClusterFound, cluster_of, places
from votes.domain.moderation.ruling import PREFIX, LiftRuling, MakeRuling, RulingMade, Selector
from votes.domain.terms import ClusterId, RulingId, VoterId
from votes.domain.vote import CastVote
from votes.domain.vote_events import VOTE_EVENTS, VoteCast
from votes.engine.bulk import submit_all
from votes.engine.ports import Unavailable
from votes.projections import tallies
from votes.projections.tallies import Counts
from votes.scan.state import Scan

LATER = datetime.fromtimestamp(START_S, UTC) + timedelta(days=90)
BOTS, TOOLS = 60, 6


def planted(seed=1, number=700):
    random = Random(seed)
    votes = made_votes(random, number, voters=number // 3, tools=30, days=20)
    among = Honest(votes)
    return votes, campaign(random, among, "campaign", BOTS, TOOLS, LEVELS[0], 3_600, "together")


def requests(votes):
    return [
        request(
            CastVote(vote.tool, VoterId(f"v:{vote.voter}"), "ship" if vote.ship else "skip"),
            at=datetime.fromtimestamp(vote.at_s, UTC),
        )
        for vote in votes
    ]


async def logged(log, votes):
    tools = sorted({vote.tool for vote in votes})
    await submit_all(log, [listed(tool) for tool in tools])
    await submit_all(log, requests(sorted(votes)))


async def scanned(log, looks=2, networks_of=not_known):
    """As a process that starts now, and looks so many times."""
    scanner = Scanner(log, lambda: LATER, networks_of=networks_of)
    await scanner.begin()
    for _ in range(looks):
        await scanner.catch_up()
    return scanner


async def found(log, kind=ClusterFound):
    return [one for one in await everything(log) if isinstance(one.event, kind)]


async def counts(log, tool):
    about = [one for one in await everything(log) if one.subject == tool]
    changes = [tallies.moved(one.event) for one in about if isinstance(one.event, VOTE_EVENTS)]
    return sum(changes, Counts())


async def test_a_campaign_is_stored_once_without_its_voters(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    await scanned(log, looks=3)
    await scanned(log)
    (cluster,) = await found(log)
    said = cluster.event.evidence
    assert (said.voters, said.votes) == (BOTS, len(bots))
    assert {on.tool for on in said.tools} == {vote.tool for vote in bots}
    assert sum(said.chart) == said.votes
    votes = await log.at(places(cluster.event))
    assert sorted(one.stream for one in votes) == sorted(
        one.stream
        for one in await everything(log)
        if isinstance(one.event, VoteCast) and "campaign" in one.stream
    )
    assert "campaign" not in repr(cluster)
    assert await log.reached(CONSUMER) == cluster.position


async def test_several_at_once_store_the_same(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    await asyncio.gather(*(scanned(log) for _ in range(3)))
    assert len(await found(log)) == 1


async def test_new_voters_in_one_place_are_a_burst(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    await scanned(log)
    bursts = await found(log, BurstFound)
    assert bursts
    assert {one.subject for one in bursts} <= {vote.tool for vote in bots}
    await scanned(log)
    assert await found(log, BurstFound) == bursts


@pytest.mark.parametrize("seed", [3, 4])
async def test_a_scan_that_restarts_now_and_again_stores_the_same_bursts(log, seed):
    """In short segments, so with each restart the state begins somewhere else."""
    honest, bots = planted(seed, 1_500)
    votes, segment, parts = sorted(honest + bots), 700, 9
    await submit_all(log, [listed(tool) for tool in sorted({vote.tool for vote in votes})])
    for part in range(parts):
        first, end = part * len(votes) // parts, (part + 1) * len(votes) // parts
        await submit_all(log, requests(votes[first:end]))
        scanner = Scanner(log, lambda: LATER, segment)
        await scanner.begin()
        await scanner.catch_up()
    scan = Scan(segment=segment)
    alarms = [alarm for one in await everything(log) if (alarm := scan.add(one)) is not None]
    bursts = [(one.subject, one.event.votes) for one in await found(log, BurstFound)]
    assert bursts == [(alarm.tool, alarm.votes) for alarm in alarms] != []


async def test_bursts_before_the_position_that_was_reached_are_not_stored_again(log):
    """There the state may have begun later than that of the scan which reached it."""
    honest, bots = planted()
    await logged(log, honest + bots)
    await log.finish(CONSUMER, await log.head())
    await scanned(log)
    assert await found(log, BurstFound) == []


async def test_a_campaign_that_grows_takes_the_place_of_what_it_was(log):
    honest, bots = planted()
    half = [vote for vote in bots if int(vote.voter.rpartition("-")[2]) % 2]
    rest = [vote for vote in bots if vote not in half]
    await logged(log, honest + half)
    scanner = await scanned(log)
    await submit_all(log, requests(rest))
    await scanner.catch_up()
    first, second = await found(log)
    assert second.event.replaces == (cluster_of(first.stream),)
    assert second.event.evidence.votes == len(bots)
    anew = await scanned(log)
    assert [cluster_of(second.stream)] == list(anew._stored)


@pytest.mark.parametrize("deaths", range(4))
async def test_a_scan_that_dies_anywhere_goes_on(log, deaths):
    honest, bots = planted()
    await logged(log, honest + bots)

    class Dying:
        """A store that is gone after some calls."""

        calls = 0

        def __getattr__(self, name):
            Dying.calls += 1
            if Dying.calls > 2 + deaths:
                raise ConnectionError(name)
            return getattr(log, name)

    with pytest.raises(ConnectionError):
        await scanned(Dying(), looks=9)
    await scanned(log)
    assert len(await found(log)) == 1


class Contended:
    """A store in which others keep changing the streams of that prefix, so nothing is added."""

    def __init__(self, store, prefix):
        self._store, self._prefix = store, prefix

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def append(self, batch):
        if any(one.stream.startswith(self._prefix) for each in batch for one in each.events):
            return [None] * len(batch)
        return await self._store.append(batch)


@pytest.mark.parametrize(("prefix", "kind"), [(CLUSTERS, ClusterFound), ("burst:", BurstFound)])
async def test_what_others_kept_from_being_stored_is_found_again(log, prefix, kind):
    honest, bots = planted()
    await logged(log, honest + bots)
    with pytest.raises(Unavailable):
        await scanned(Contended(log, prefix), looks=3)
    assert await found(log, kind) == []
    await scanned(log)
    assert await found(log, kind)


async def test_one_ruling_takes_the_campaign_out_of_a_tally_and_lifted_puts_it_back(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    await scanned(log)
    (cluster,) = await found(log)
    for tool in [on.tool for on in cluster.event.evidence.tools]:
        alone = [vote for vote in honest if vote.tool == tool]
        before = await counts(log, tool)
        name = RulingId(f"r-{tool}")
        selector = Selector(cluster=cluster_of(cluster.stream))
        said = await preview(log, tool, RulingMade(selector, "discount", "x"), await log.head())
        made = MakeRuling(name, tool, selector, "discount", "A campaign.")
        await submit_all(log, [request(made, at=LATER)])
        await carry_out_all(log, LATER)
        after = await counts(log, tool)
        ships = sum(vote.ship for vote in alone)
        assert (after.ship, after.skip) == (ships, len(alone) - ships)
        assert after == before + said.change
        await submit_all(log, [request(LiftRuling(name, tool), at=LATER)])
        await carry_out_all(log, LATER)
        assert await counts(log, tool) == before
    assert await log.unfinished(PREFIX, 9) == []


async def test_votes_without_those_of_a_cluster_are_the_others(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    await scanned(log)
    (cluster,) = await found(log)
    (tool, *_) = [on.tool for on in cluster.event.evidence.tools]
    name = cluster_of(cluster.stream)
    both = Selector(), Selector(cluster=name), Selector(without=(name,))
    all_, of_it, others = [
        (await preview(log, tool, RulingMade(each, "discount", "x"), await log.head())).votes
        for each in both
    ]
    assert all_ == of_it + others
    assert of_it == sum(vote.tool == tool for vote in bots)
    neither = Selector(cluster=ClusterId("nothing"))
    said = await preview(log, tool, RulingMade(neither, "discount", "x"), await log.head())
    assert said.votes == 0


async def test_clusters_are_found_again_by_their_prefix(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    await scanned(log)
    assert [one.stream for one in await log.last_of_prefix(CLUSTERS, 9)] == [
        one.stream for one in await found(log)
    ]
