"""A ruling reaches every vote that it selects, whenever and however often its worker dies."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from tests.domain.histories import START
from tests.domain.names import ATLAS, FIRST
from tests.engine.commands.sending import cast, everything, listed, request
from votes.app.moderation import rulings
from votes.app.moderation.rulings import carry_out, carry_out_all, preview
from votes.domain.moderation.ruling import PREFIX, LiftRuling, MakeRuling, RulingMade, Selector
from votes.domain.terms import Choice, VoterId, visitor
from votes.domain.vote import CastVote
from votes.domain.vote_events import VOTE_EVENTS, VoteDiscounted
from votes.engine.bulk import submit_all
from votes.projections import tallies
from votes.projections.tallies import Counts

NOON = START + timedelta(hours=12)
SOON, LATER = NOON + timedelta(minutes=30), START + timedelta(days=9)
WINDOW = Selector(NOON, SOON)
HONEST, CAMPAIGN, DEATHS = 60, 300, 50


def make(tool="atlas", selector=WINDOW, verdict="discount", name="first"):
    return request(MakeRuling(name, tool, selector, verdict, "A burst."), at=LATER)


def lift(tool="atlas", name="first"):
    return request(LiftRuling(name, tool), at=LATER)


def honest(number, tool="atlas"):
    """Votes at all hours of the day, but not in the window."""
    hour = number % 24
    at = START + timedelta(hours=hour, minutes=40 + number % 7)
    choice: Choice = "ship" if number % 3 else "skip"
    return request(CastVote(tool, VoterId(f"user:{number}"), choice), at=at)


def of_campaign(number, tool="atlas", held=None):
    at = NOON + timedelta(seconds=5 * number)
    return request(CastVote(tool, visitor(f"bot-{number}"), "ship", held), at=at)


async def submitted(log, *requests):
    for result in await submit_all(log, requests):
        assert getattr(result, "changed", False), result


async def everything_cast(log, tool="atlas"):
    """Honest votes, and a campaign between them."""
    campaign = [of_campaign(number, tool) for number in range(CAMPAIGN)]
    people = [honest(number, tool) for number in range(HONEST)]
    mixed = [*campaign, *people]
    Random(1).shuffle(mixed)
    await submitted(log, listed(tool), *mixed)


async def tally(log, tool="atlas"):
    found = None
    for recorded in await everything(log):
        if recorded.subject == tool:
            found = tallies.evolve(found, recorded)
    return found


async def counts(log, tool="atlas"):
    return (await tally(log, tool)).counts


def seen(found):
    """What all see of a tally, but its position and the time of its last event."""
    view = tallies.tally_view("atlas", found, stale=False)
    return {
        name: value
        for name in view.__struct_fields__
        if name not in ("position", "as_of")
        for value in [getattr(view, name)]
    }


async def test_after_one_ruling_a_tally_is_the_honest_one_and_lifted_as_before(log):
    await submitted(log, listed("bolt"), *(honest(number, "bolt") for number in range(HONEST)))
    await everything_cast(log)
    before, alone = await tally(log), await counts(log, "bolt")
    assert before.counts.ship == alone.ship + CAMPAIGN
    await submitted(log, make())
    await carry_out_all(log, LATER)
    after = await counts(log)
    assert (after.ship, after.skip, after.ruling) == (alone.ship, alone.skip, CAMPAIGN)
    await submitted(log, lift())
    await carry_out_all(log, LATER)
    assert seen(await tally(log)) == seen(before)
    assert await log.unfinished(PREFIX, 10) == []


async def test_carried_out_a_ruling_counts_at_the_time_of_each_vote(log):
    await everything_cast(log)
    by_hour = await hours(log)
    head = await log.head()
    await submitted(log, make())
    await carry_out_all(log, LATER)
    assert (await hours(log))[12] == by_hour[12] + Counts(ship=-CAMPAIGN, ruling=CAMPAIGN)
    assert {hour: by_hour[hour] for hour in by_hour if hour != 12} == {
        hour: of_hour for hour, of_hour in (await hours(log)).items() if hour != 12
    }
    times = {one.stream: one.at for one in await everything(log) if one.position <= head}
    for recorded in await everything(log):
        if recorded.position > head + 1:
            assert recorded.at == times[recorded.stream]


async def hours(log):
    found: dict[int, Counts] = {}
    for recorded in await everything(log):
        if type(recorded.event) in VOTE_EVENTS:
            change = tallies.moved(recorded.event)
            found[recorded.at.hour] = found.get(recorded.at.hour, Counts()) + change
    return found


class Dies(Exception):
    """The process is killed here."""


class Dying:
    """A store whose process dies at a random write: before it is stored, or just after."""

    def __init__(self, store, random):
        self._store, self._random = store, random
        self._left = random.randrange(4)

    def __getattr__(self, name):
        call = getattr(self._store, name)
        return self._deadly(call) if name in ("append", "finish") else call

    def _deadly(self, call):
        async def deadly(*arguments):
            self._left -= 1
            if self._left >= 0:
                return await call(*arguments)
            if self._random.random() < 0.5:
                await call(*arguments)
            raise Dies

        return deadly


async def carried_out_by_dying_workers(log, random):
    """How often one died."""
    deaths = 0
    while await log.unfinished(PREFIX, 1):
        try:
            await carry_out_all(Dying(log, random), LATER)
        except Dies:
            deaths += 1
    return deaths


@pytest.mark.parametrize("verdict", ["discount", "release"])
async def test_workers_that_die_at_any_point_come_to_the_same(log, verdict, monkeypatch):
    held = "unproven" if verdict == "release" else None
    for tool in ("atlas", "bolt"):
        campaign = [of_campaign(number, tool, held) for number in range(CAMPAIGN)]
        await submitted(log, listed(tool), *campaign, *(honest(one, tool) for one in range(9)))
    before = await counts(log)
    await submitted(log, make("bolt", verdict=verdict, name="undisturbed"))
    await carry_out_all(log, LATER)
    monkeypatch.setattr(rulings, "VOTES_AT_ONCE_MAX", 3)
    random = Random(7)
    await submitted(log, make("atlas", verdict=verdict))
    assert await carried_out_by_dying_workers(log, random) >= DEATHS
    assert await counts(log) == await counts(log, "bolt") != before
    await submitted(log, lift("atlas"))
    assert await carried_out_by_dying_workers(log, random) >= DEATHS
    assert await counts(log) == before
    changes = [one for one in await everything(log) if one.subject == "atlas"]
    assert len({(one.stream, one.event) for one in changes}) == len(changes)


async def test_lifted_while_it_is_carried_out_it_leaves_nothing(log, monkeypatch):
    monkeypatch.setattr(rulings, "VOTES_AT_ONCE_MAX", 3)
    await everything_cast(log)
    before = await counts(log)
    await submitted(log, make())
    with pytest.raises(Dies):
        await carry_out_all(Dying(log, Random(3)), LATER)
    (half,) = await log.unfinished(PREFIX, 1)
    await submitted(log, lift())
    await asyncio.gather(carry_out(log, half, LATER), carry_out_all(log, LATER))
    assert await counts(log) == before
    assert await log.unfinished(PREFIX, 1) == []


async def test_several_at_once_come_to_the_same(log):
    await everything_cast(log)
    await submitted(log, make())
    await asyncio.gather(*(carry_out_all(log, LATER) for _ in range(4)))
    assert (await counts(log)).ruling == CAMPAIGN


async def test_a_ruling_holds_for_the_votes_that_stood_when_it_was_made(log):
    first, second, third = (of_campaign(number) for number in range(3))
    other = CastVote(ATLAS, visitor("bot-0"), "skip")
    await submitted(log, listed(), first, second, make(), third, request(other, at=SOON))
    await carry_out_all(log, LATER)
    assert await counts(log) == Counts(ship=1, ruling=2)


async def test_of_held_votes_alone(log):
    held = [of_campaign(number, held="unproven") for number in range(5)]
    counted = [of_campaign(number) for number in range(5, 9)]
    await submitted(log, listed(), *held, *counted, make(selector=Selector(held=True)))
    await carry_out_all(log, LATER)
    assert await counts(log) == Counts(ship=4, ruling=5)


@pytest.mark.parametrize("verdict", ["discount", "release"])
@pytest.mark.parametrize("selector", [WINDOW, Selector(), Selector(held=True), Selector(SOON)])
async def test_a_preview_says_what_will_come(log, verdict, selector):
    held = [of_campaign(number, held="unproven") for number in range(40)]
    counted = [of_campaign(number) for number in range(40, 90)]
    people = [honest(number) for number in range(30)]
    discounted = make(selector=Selector(NOON, NOON + timedelta(minutes=1)), name="earlier")
    await submitted(log, listed(), *held, *counted, *people, cast("user:0", "ship"), discounted)
    await carry_out_all(log, LATER)
    before, head = await counts(log), await log.head()
    said = await preview(log, ATLAS, RulingMade(selector, verdict, "A burst."), head)
    assert await log.head() == head
    await submitted(log, make(selector=selector, verdict=verdict))
    await carry_out_all(log, LATER)
    assert await counts(log) == before + said.change
    assert await log.head() == head + 1 + said.votes


async def test_a_vote_that_is_changed_meanwhile_is_discounted_at_its_new_time(log):
    await submitted(log, listed(), of_campaign(0), make())
    (ruling,) = await log.unfinished(PREFIX, 1)

    class Changing:
        """A store in which the voter is faster than the worker, once."""

        def __init__(self):
            self.changed = False

        def __getattr__(self, name):
            return getattr(log, name)

        async def append(self, batch):
            if not self.changed:
                self.changed = True
                again = CastVote(ATLAS, visitor("bot-0"), "skip")
                await submitted(log, request(again, at=SOON))
            return await log.append(batch)

    assert await carry_out(Changing(), ruling, LATER)
    last = (await everything(log))[-1]
    assert (last.event, last.at) == (VoteDiscounted(FIRST, "skip"), SOON)
