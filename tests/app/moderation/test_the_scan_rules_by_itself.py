"""The scan releases held votes where nothing speaks against them, and discounts if it may."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.app.moderation.test_the_scan_stores_what_it_finds import (
    LATER,
    Contended,
    counts,
    logged,
    planted,
    scanned,
)
from tests.engine.commands.sending import everything, request
from tests.scan.planting import DAY_S, START_S, Vote
from votes.app.moderation.rulings import carry_out_all
from votes.app.moderation.scan_rulings import BY_SCAN, discount_clusters, release_held
from votes.domain.moderation import finding as findings
from votes.domain.moderation.finding import BurstFound, Record
from votes.domain.moderation.ruling import PREFIX, LiftRuling, RulingMade, ruling_of
from votes.domain.terms import ToolId, VoterId
from votes.domain.vote import CastVote
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta, Unavailable

QUIET = timedelta(hours=24)
AT = datetime.fromtimestamp(START_S, UTC)
NEXT_DAY, IN_TWO_DAYS = AT + timedelta(hours=20), AT + timedelta(days=2, hours=1)
COUNTED = [Vote(START_S + 60 * n, "t1", f"h{n}", n % 3 > 0) for n in range(30)]


async def held(log, number=4, hours=1, tool="t1", prefix="late"):
    votes = [CastVote(tool, VoterId(f"v:{prefix}{n}"), "ship", "unproven") for n in range(number)]
    await submit_all(log, [request(vote, at=AT + timedelta(hours=hours)) for vote in votes])


async def released(log, at=IN_TWO_DAYS):
    """As an hour of a process that starts now; how many votes on the tool are held then."""
    scanner = await scanned(log)
    await release_held(log, scanner, at, QUIET)
    await carry_out_all(log, LATER)
    return (await counts(log, "t1")).held


async def made(log):
    return [one for one in await everything(log) if isinstance(one.event, RulingMade)]


async def test_a_ruling_that_others_kept_from_being_stored_is_made_again(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    scanner = await scanned(log)
    with pytest.raises(Unavailable):
        await discount_clusters(Contended(log, PREFIX), scanner, LATER)
    assert await made(log) == []
    await discount_clusters(log, scanner, LATER)
    assert len(await made(log)) == len({vote.tool for vote in bots})


async def test_old_held_votes_are_released_by_the_scan(log):
    await logged(log, COUNTED)
    await held(log)
    assert await released(log, NEXT_DAY) == 4
    assert await made(log) == []
    assert await released(log) == 0
    (ruling,) = await made(log)
    assert ruling_of(ruling.stream).startswith(BY_SCAN)
    assert ruling.event.reason == "By the scan: held for 24 hours, and nothing found."
    assert (await counts(log, "t1")).total == len(COUNTED) + 4
    assert await released(log) == 0
    assert len(await made(log)) == 1


async def test_several_at_once_rule_once(log):
    await logged(log, COUNTED)
    await held(log)
    assert set(await asyncio.gather(*(released(log) for _ in range(3)))) <= {0, 4}
    assert await released(log) == 0
    assert len(await made(log)) == 1


async def test_too_many_of_them_wait_for_a_moderator(log):
    await logged(log, COUNTED)
    await held(log, number=8)
    assert await released(log) == 8


@pytest.mark.parametrize(("hours", "left"), [(3, 4), (25, 4), (1, 0), (40, 0)])
async def test_those_of_a_burst_wait_for_a_moderator(log, hours, left):
    """It was noticed an hour after it began, so it is over a day after that."""
    await logged(log, COUNTED)
    begun = AT + timedelta(hours=2)
    found = BurstFound(begun, begun + timedelta(hours=1), 30, 30, 30, 0.1)
    burst = Record(findings.burst_stream(ToolId("t1"), 7), "t1", found)
    await submit_all(log, [Request(findings.decider, burst, Meta("test"), LATER)])
    await held(log, hours=hours)
    assert await released(log, at=IN_TWO_DAYS + timedelta(days=3)) == left


async def test_those_of_a_cluster_wait_for_a_moderator(log):
    honest, bots = planted()
    tool = bots[0].tool
    await logged(log, honest + bots)
    more = [CastVote(tool, VoterId(f"v:other{n}"), "ship", "unproven") for n in range(2)]
    of_cluster = [
        CastVote(tool, VoterId(f"v:campaign-{n}"), "skip" if vote.ship else "ship", "unproven")
        for n, vote in enumerate(vote for vote in bots if vote.tool == tool)
        if n < 3
    ]
    at = datetime.fromtimestamp(START_S + 40 * DAY_S, UTC)
    await submit_all(log, [request(vote, at=at) for vote in more + of_cluster])
    scanner = await scanned(log)
    assert scanner.clusters
    await release_held(log, scanner, LATER, QUIET)
    await carry_out_all(log, LATER)
    left = (await counts(log, tool)).held
    rulings = await made(log)
    assert [ruling.event.selector.without for ruling in rulings] == [tuple(scanner.clusters)]
    assert left == len(of_cluster)


async def test_what_a_moderator_lifted_is_left_to_moderators(log):
    await logged(log, COUNTED)
    await held(log)
    assert await released(log) == 0
    (ruling,) = await made(log)
    lift = LiftRuling(ruling_of(ruling.stream), ToolId("t1"))
    await submit_all(log, [request(lift, at=LATER)])
    await carry_out_all(log, LATER)
    assert await released(log, LATER) == 4


async def test_where_a_site_asks_for_it_clusters_are_discounted(log):
    honest, bots = planted()
    await logged(log, honest + bots)
    scanner = await scanned(log)
    for _ in range(2):
        await discount_clusters(log, scanner, LATER)
    await discount_clusters(log, await scanned(log), LATER)
    await carry_out_all(log, LATER)
    rulings = await made(log)
    assert sorted(one.subject for one in rulings) == sorted({vote.tool for vote in bots})
    assert {one.event.reason for one in rulings} == {
        "By the scan: 60 voters in lockstep on 6 tools."
    }
    for tool in {vote.tool for vote in bots}:
        alone = [vote for vote in honest if vote.tool == tool]
        ships = sum(vote.ship for vote in alone)
        after = await counts(log, tool)
        assert (after.ship, after.skip) == (ships, len(alone) - ships)
