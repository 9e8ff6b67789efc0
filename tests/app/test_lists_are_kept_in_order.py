"""Each list of tools is what sorting the same read models gives, whatever became of them before."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from votes.app.catalogue import listing, paging, reviewing, surroundings
from votes.app.catalogue.listing import Wanted, category_slug
from votes.app.catalogue.paging import page
from votes.app.catalogue.tool_orders import (
    BY_NAME,
    REVIEWED,
    TOOLS,
    Price,
    place,
    reviewed_by,
    tool_orders,
)
from votes.app.catalogue.tools import Tool
from votes.app.moderation import queue as moderation
from votes.domain.review import Opinion
from votes.domain.tool import Entry, Plan
from votes.domain.verdict import Call, PanelVerdict, wilson_lower
from votes.engine.projection import partition_of
from votes.engine.read_models import Changes, Partition, ReadModels
from votes.engine.reading import orders as kept
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES, PanelReview, Profile, parts_of
from votes.projections.tallies import TALLIES, Counts, Tally, tally_view

IDS = ("t1", "t2", "t3", "t4", "t5", "t6")
SORTS = ("top", "trending", "new", "controversial")
CALLS: tuple[Call, ...] = ("none", "too_early", "ship", "skip", "split")
PANELS: tuple[PanelVerdict, ...] = ("pending", "ship", "mixed", "skip")
PRICES: tuple[Price, ...] = ("free", "paid", "unknown")
CATEGORIES = ("Developer Tools", "developer-tools", "Notes", "写作")
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
REVIEW = PanelReview("builder", Opinion(70, "ship", ""), START)


def said(persona, choice):
    return PanelReview(persona, Opinion(50, choice), START)


REVIEWS = (REVIEW, said("founder", "ship"), said("skeptic", "skip"), said("futurist", "skip"))
OTHERS = (*REVIEWS[2:], said("editor", "skip"))
ANY = Wanted()
ids = st.sampled_from(IDS)
times = st.integers(0, 2).map(lambda hours: START + timedelta(hours=hours))
FREE, PAID, ASKED = Plan("Free", 0.0), Plan("Pro", 9.0), Plan("All")
plans = st.sampled_from(((), (ASKED,), (PAID,), (PAID, ASKED), (FREE, PAID)))
entries = st.builds(
    Entry, st.sampled_from(("Atlas", "ATLAS", "Bolt")), st.sampled_from(CATEGORIES), plans=plans
)
profiles = st.builds(
    lambda entry, **more: Profile(**parts_of(entry), **more),
    slug=st.sampled_from(("atlas", "bolt", "chart")),
    entry=entries,
    listed=st.sampled_from((True, True, True, False)),
    listed_at=times,
    position=st.just(1),
    reviews=st.sampled_from(((), (), (REVIEW,), REVIEWS[1:], REVIEWS[:3], REVIEWS, OTHERS)),
)
counts = st.builds(
    Counts,
    ship=st.sampled_from((0, 1, 3, 40)),
    skip=st.sampled_from((0, 1, 3, 40)),
    unproven=st.sampled_from((0, 0, 2, 9)),
)
heats = st.sampled_from((0.0, 1.5, 2.5))
tallies = st.builds(Tally, counts, st.just(1), st.just(START), heats)


def of_tool(key, profile):
    """Two tools never have the same slug."""
    return PROFILES.name, key, profile and replace(profile, slug=f"{profile.slug}-{key}")


values = st.one_of(
    st.builds(of_tool, ids, profiles | st.none()),
    st.tuples(st.just(TALLIES.name), ids, tallies | st.none()),
)
changes = st.lists(values, min_size=1, max_size=6)
acts = st.lists(
    st.one_of(
        st.tuples(st.just("change"), changes),
        st.tuples(st.just("step"), st.integers(1, 5), st.sets(st.sampled_from([*TOOLS.families]))),
        st.just(("look",)),
        st.just(("load",)),
    ),
    max_size=20,
)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch):
    """So that some changes come between the steps."""
    for name, size in (("STEP_MOVED", 1), ("STEP_BUILT", 2), ("STEP_SORTED", 2), ("SAMPLED", 1)):
        monkeypatch.setattr(kept, name, size)


def site(*first):
    models = ReadModels(PROJECTIONS, "epoch", generation=1)
    change(models, first)
    return models


def change(models, values):
    """As the projector's changes come."""
    partitions: dict[int, Partition] = {}
    for name, key, value in values:
        partition = partitions.setdefault(partition_of(key), Partition(models.position))
        partition.values.setdefault(name, {})[key] = value
    models.adopt(Changes("epoch", models.position, models.position + 1, partitions))


def tool(key, slug, category="Notes", listed_at=START, **said):
    parts = parts_of(Entry(slug.title(), category))
    profile = Profile(slug=slug, **parts, listed=True, listed_at=listed_at, position=1)
    return [(PROFILES.name, key, profile), (TALLIES.name, key, tally(**said))]


def tally(ship=0, skip=0, heat=0.0, unproven=0):
    return Tally(Counts(ship, skip, unproven), 1, START, heat)


def loaded(models):
    """The same values, in the next generation."""
    anew = ReadModels(PROJECTIONS, "epoch", models.position, generation=models.generation + 1)
    for number, partition in enumerate(models.partitions):
        anew.partitions[number].update(partition)
    return anew


def listed(models):
    """Each listed tool, found by looking at all values."""
    for key, profile in models.items(PROFILES):
        of_tool = models.get(TALLIES, key)
        if profile.listed and of_tool is not None:
            yield Tool(key, profile, of_tool)


def panel_of(tool):
    """The verdict as the rule has it."""
    choices = [review.opinion.choice for review in tool.profile.reviews]
    if len(choices) < 3:
        return "pending"
    ship = choices.count("ship") / len(choices)
    return "mixed" if ship == 0.5 else "ship" if ship > 0.5 else "skip"


def price_of(tool):
    prices = [plan.price for plan in tool.profile.entry.plans if plan.price is not None]
    return ("free" if 0 in prices else "paid") if prices else "unknown"


def as_wanted(wanted, tool):
    """Whether the tool is."""
    has = {
        "category": category_slug(tool.profile.category),
        "call": tally_view(tool.slug, tool.tally, stale=False).call,
        "panel": panel_of(tool),
        "price": price_of(tool),
    }
    return all(getattr(wanted, name) in (None, value) for name, value in has.items())


def sorted_anew(models, sort, wanted=ANY):
    """What a list is to be: each tool with its key, ascending."""
    keys = {
        "top": lambda t: [-wilson_lower(t.ship, t.skip), -t.total],
        "trending": lambda t: [-t.heat],
        "controversial": lambda t: [
            -float(t.total ** (min(t.ship, t.skip) / max(t.ship, t.skip)))
            if t.ship and t.skip
            else 0.0
        ],
    }
    found = []
    for one in listed(models):
        key = [-one.profile.listed_at.timestamp()] if sort == "new" else keys[sort](one.tally)
        if as_wanted(wanted, one):
            found.append(([*key, one.slug, one.id], one))
    return page(found, "all", None, 1_000).items


async def read(models, sort, wanted, limit=2):
    """All pages together, and the total that each says."""
    found: list[Any] = []
    cursor = None
    while not found or cursor is not None:
        shown = await listing.tools(models, sort, wanted, cursor, limit)
        found, cursor = [*found, *shown.items], shown.next_cursor
        if not shown.items:
            break
    return found, shown.total


def assert_counted(tools, choices, wanted):
    """Each value of a filter has as many tools as choosing it would leave."""
    for name in Wanted.__struct_fields__:
        for value, number in getattr(choices, name):
            chosen = replace(
                wanted, **{name: category_slug(value) if name == "category" else value}
            )
            assert number == sum(as_wanted(chosen, one) for one in tools), (name, value)


async def assert_right(models):
    categories = [*{category_slug(name) for name in CATEGORIES}, "unknown"]
    tools = list(listed(models))
    each = [
        ANY,
        *(Wanted(category=category) for category in categories),
        *(Wanted(call=call) for call in CALLS),
        *(Wanted(panel=panel) for panel in PANELS),
        *(Wanted(price=price) for price in PRICES),
    ]
    each += [
        Wanted(
            category_slug(one.profile.category),
            tally_view(one.slug, one.tally, stale=False).call,
            panel_of(one),
            price_of(one),
        )
        for one in tools
    ]
    for sort, wanted in product(SORTS, each):
        right = sorted_anew(models, sort, wanted)
        assert await read(models, sort, wanted) == (right, len(right))
    orders = await tool_orders(models)
    for wanted in (*each[::6], *each[len(each) - len(tools) :]):
        assert_counted(tools, listing.choices(listing.kept_cells(orders), wanted), wanted)
    assert dict(listing.categories(orders)) == {
        name: len(same)
        for name in CATEGORIES
        if (same := [one for one in tools if one.profile.category == name])
    }
    anew = loaded(models)
    assert surroundings.pairs(models, orders) == surroundings.pairs(anew, await tool_orders(anew))
    held = [one for one in tools if one.tally.counts.held]
    queue = sorted(held, key=lambda one: (-one.tally.counts.held, one.slug, one.id))
    assert (await moderation.watched(models, None, 100)).items == queue
    names = [(one.profile.name.casefold(), one.slug, one.id) for one in tools]
    assert list(orders.places([BY_NAME])) == sorted(names)
    reviewed = [(one.slug, one.id) for one in tools if one.profile.reviews]
    assert list(orders.places([REVIEWED])) == sorted(reviewed)
    by_last = sorted(
        (-review.revised_at.timestamp(), one.slug, one.id)
        for one in tools
        for review in one.profile.reviews
        if review.persona == REVIEW.persona
    )
    assert list(orders.places([reviewed_by(REVIEW.persona)])) == by_last
    assert orders.rows == {one.id: one for one in tools}


@given(st.lists(values, max_size=12), acts)
def test_lists_are_what_sorting_gives(first, acts):
    async def run():
        models, steps = site(*first), iter(())
        for act, *more in acts:
            if act == "change":
                change(models, *more)
            elif act == "load":
                models, steps = loaded(models), iter(())
            elif act == "look":
                await assert_right(models)
                steps = iter(())
            else:
                if TOOLS.name not in models.derived:
                    models.derived[TOOLS.name] = kept.Orders(TOOLS)
                    steps = iter(())
                number, families = more
                for _ in range(number):
                    if next(steps, "over") == "over":
                        steps = models.derived[TOOLS.name].steps(models, families)
        for _ in steps:
            pass
        await assert_right(models)

    asyncio.run(run())


@given(st.lists(values, max_size=12), st.lists(changes, max_size=6), st.sampled_from(SORTS))
def test_who_reads_on_while_tools_move_misses_and_repeats_none_that_stayed(first, moves, sort):
    async def run():
        models = site(*first)
        places = [places_of(models, sort)]
        shown, cursor = [], None
        while True:
            found = await listing.tools(models, sort, Wanted(), cursor, 1)
            shown += [one.id for one in found.items]
            cursor = found.next_cursor
            if cursor is None:
                break
            if moves:
                change(models, moves.pop())
                places.append(places_of(models, sort))
        stayed = {key for key in places[0] if len({each.get(key) for each in places}) == 1}
        assert [key for key in shown if key in stayed] == [
            key for key in places[0] if key in stayed
        ]

    def places_of(models, sort):
        return {one.id: place(sort, one) for one in sorted_anew(models, sort)}

    asyncio.run(run())


@given(st.lists(values, max_size=12), st.integers(1, 3), st.integers(1, 4))
def test_a_walk_finds_all_that_fit_whatever_its_bounds(first, limit, walk_max):
    async def run():
        shown: list[Any] = []
        models, cursor, walks = site(*first), None, 0
        while walks == 0 or cursor is not None:
            found = await reviewing.unreviewed(models, REVIEW.persona, cursor, limit)
            shown, cursor, walks = [*shown, *found.items], found.next_cursor, walks + 1
            assert len(found.items) <= limit
            assert walks <= 1 + len(IDS)
        right = [one for one in sorted_anew(models, "new") if REVIEW not in one.profile.reviews]
        assert shown == right
        assert found.total == len(right)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "WALK_MAX", walk_max)
        asyncio.run(run())


def test_a_walk_stops_at_its_bound_and_goes_on_from_there(monkeypatch):
    monkeypatch.setattr(paging, "WALK_MAX", 2)
    models = site(*(one for name in "abcde" for one in tool(f"t{name}", name)))
    for key in ("tb", "tc", "td"):
        profile = models.get(PROFILES, key)
        change(models, [(PROFILES.name, key, replace(profile, reviews=(REVIEW,)))])
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor is not None:
        found = asyncio.run(reviewing.unreviewed(models, REVIEW.persona, cursor, 5))
        pages, cursor = [*pages, [one.slug for one in found.items]], found.next_cursor
        assert found.total == 2
    assert pages == [["a"], [], ["e"]]


def test_numbers_beside_filters_are_of_tools_that_fit_all_others():
    models = site(*tool("ta", "a", ship=1), *tool("tb", "b", "Decks"), *tool("tc", "c", "Decks"))
    cells = list(listing.kept_cells(asyncio.run(tool_orders(models))))
    found = listing.choices(cells, Wanted("notes", "too_early", "pending", "unknown"))
    assert found.category == [("Notes", 1)]
    assert dict(found.call) | {"too_early": 1, "none": 0} == dict(found.call)
    assert dict(found.panel)["pending"] == 1


def test_pairs_are_of_reviewed_tools_and_then_the_best_of_the_largest_categories():
    models = site(
        *tool("t1", "atlas", ship=1),
        *tool("t2", "bolt", ship=3),
        *tool("t3", "chart", ship=2),
        *tool("t4", "deck", "Decks"),
        *tool("t5", "ember", "Decks"),
    )
    for key in ("t5", "t1"):
        change(
            models, [(PROFILES.name, key, replace(models.get(PROFILES, key), reviews=(REVIEW,)))]
        )
    shown = surroundings.pairs(models, asyncio.run(tool_orders(models)))
    assert [(a.profile.name, b.profile.name) for a, b, _ in shown] == [
        ("Atlas", "Ember"),
        ("Bolt", "Chart"),
        ("Deck", "Ember"),
    ]


def test_a_category_goes_with_its_last_tool():
    models = site(*tool("t1", "atlas"), *tool("t2", "bolt", "Decks"))

    async def categories():
        return listing.categories(await tool_orders(models))

    assert asyncio.run(categories()) == [("Decks", 1), ("Notes", 1)]
    profile = models.get(PROFILES, "t2")
    change(models, [(PROFILES.name, "t2", replace(profile, listed=False))])
    assert asyncio.run(categories()) == [("Notes", 1)]
