"""The read models are folded from the log alone, the same however it is cut into batches."""

from copy import deepcopy
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain import arbitrary
from tests.domain.histories import START
from tests.engine.commands.products import each_product
from votes import __version__
from votes.domain.tool import Entry, ToolDelisted, ToolListed
from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.log import Recorded, Stream, Unreadable
from votes.engine.projection import PARKED, PARTITIONS, Parked, partition_of
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.projections.profiles import PROFILES
from votes.projections.tallies import TALLIES

NEWER = Unreadable("VoteWeighed", 2, "too new")
cuts = st.lists(st.integers(1, 20), max_size=30)


def recorded(position, event, stream="any", tool="atlas"):
    return Recorded(position, stream, 1, event, START, tool)


def drawn(data, product):
    """The events of a random history, some of which a newer release wrote."""
    events = data.draw(product.logs)
    newer = data.draw(st.sets(st.integers(1, len(events) or 1), max_size=len(events) // 5))
    return [
        recorded(each.position, NEWER, each.stream) if each.position in newer else each
        for each in events
    ]


def batches(events, sizes):
    """The events cut into batches of these sizes, and one of the rest."""
    start = 0
    for size in sizes:
        yield events[start : start + size]
        start += size
    yield events[start:]


def folded(product, events, *, at_once=True):
    models = ReadModels(product.projections, "epoch")
    models.fold(events)
    models.fold((), every=at_once)
    return models


def bytes_of(models):
    """Of each value. In which order a partition came to its values is nobody's concern."""
    return [
        (
            partition.checkpoint,
            {
                (name, key): msgspec.json.encode(value)
                for name, values in partition.values.items()
                for key, value in values.items()
            },
        )
        for partition in models.partitions
    ]


def shown(models):
    """All that a reader can see."""
    return models.position, [partition.values for partition in models.partitions]


@each_product
@given(st.data(), cuts)
def test_every_cut_gives_the_same_bytes(product, data, sizes):
    events, models = drawn(data, product), ReadModels(product.projections, "epoch")
    for batch in batches(events, sizes):
        models.fold(batch)
    models.fold((), every=True)
    assert bytes_of(models) == bytes_of(folded(product, events))


@each_product
@given(st.data(), cuts)
def test_the_changes_make_of_older_models_the_newer_ones(product, data, sizes):
    source, follower = (ReadModels(product.projections, "epoch") for _ in range(2))
    for batch in batches(drawn(data, product), sizes):
        changes = source.fold(batch)
        assert (changes.epoch, changes.before) == ("epoch", follower.position)
        follower.adopt(changes)
        assert shown(follower) == shown(source)


@each_product
@given(st.data())
def test_changes_hold_what_an_event_has_changed_and_nothing_else(product, data):
    models = ReadModels(product.projections, "epoch")
    for event in drawn(data, product):
        before = [deepcopy(p.values) for p in models.partitions]
        changes = models.fold([event])
        for number, partition in enumerate(models.partitions):
            change = changes.partitions.get(number)
            told = {} if change is None else change.values
            for name in before[number].keys() | partition.values.keys() | told.keys():
                then, now = before[number].get(name, {}), partition.values.get(name, {})
                moved = {
                    k: now.get(k) for k in then.keys() | now.keys() if then.get(k) != now.get(k)
                }
                assert told.get(name, {}) == moved


@each_product
@given(st.data())
def test_a_partition_that_is_ahead_skips_what_it_has(product, data):
    """A worker that died half-way has written some partitions and not the others."""
    events = drawn(data, product)
    middle = data.draw(st.integers(0, len(events)))
    models, ahead = folded(product, events[:middle], at_once=False), folded(product, events)
    for number in data.draw(st.sets(st.integers(0, PARTITIONS - 1))):
        models.partitions[number] = ahead.partitions[number]
    changes = models.fold(events[middle:])
    models.fold((), every=True)
    assert bytes_of(models) == bytes_of(ahead)
    assert all(p.checkpoint >= models.position for p in models.partitions)
    assert changes.position == models.position == len(events)


@each_product
@given(st.data())
def test_to_fold_again_what_was_folded_changes_nothing(product, data):
    events = drawn(data, product)
    models = folded(product, events)
    encoded = bytes_of(models)
    changes = models.fold(events)
    assert all(not partition.values for partition in changes.partitions.values())
    assert bytes_of(models) == encoded


LISTED = ToolListed("atlas", Entry("Atlas", "Maps"))


def test_changes_say_from_which_checkpoint_they_start():
    models = ReadModels(PROJECTIONS, "epoch")
    number = partition_of("atlas")
    first = models.fold([recorded(1, LISTED)])
    other = models.fold([recorded(2, NEWER, another_partition("atlas"))])
    third = models.fold([recorded(3, VoteCast("ship"))])
    starts = [changes.partitions[number].checkpoint for changes in (first, third)]
    assert starts == [0, 1]
    assert number not in other.partitions
    assert models.partitions[number].checkpoint == 3


def another_partition(name):
    return next(f"s{n}" for n in range(99) if partition_of(f"s{n}") != partition_of(name))


def test_every_moves_all_checkpoints_to_the_position():
    models = ReadModels(PROJECTIONS, "epoch")
    models.fold([recorded(1, LISTED), recorded(2, VoteCast("ship"))])
    behind = [p.checkpoint for p in models.partitions]
    assert sorted(set(behind)) == [0, 2]
    changes = models.fold((), every=True)
    assert [p.checkpoint for p in models.partitions] == [2] * PARTITIONS
    assert {n: p.checkpoint for n, p in changes.partitions.items()} == dict(enumerate(behind))
    assert models.furthest() == 2


def test_every_leaves_a_partition_that_is_ahead_where_it_is():
    models = ReadModels(PROJECTIONS, "epoch", position=5)
    models.partitions[3].checkpoint = 9
    changes = models.fold((), every=True)
    assert (models.partitions[3].checkpoint, changes.partitions[3].checkpoint) == (9, 9)
    assert (models.partitions[0].checkpoint, models.furthest()) == (5, 9)
    assert ReadModels(PROJECTIONS, "epoch", position=7).furthest() == 7


def test_an_event_that_nobody_can_read_is_parked_under_its_stream():
    models = ReadModels(PROJECTIONS, "epoch")
    changes = models.fold([recorded(7, NEWER, "tool:atlas")])
    left_out = {7: Parked("VoteWeighed/2", "too new", __version__)}
    assert models.parked() == changes.parked() == left_out
    assert changes.partitions[partition_of("tool:atlas")].of(PARKED) == {"7": left_out[7]}
    assert models.position == 7


def test_an_event_that_a_partition_already_parks_is_not_parked_again():
    """A worker died after it wrote the partition, before the position of all."""
    models = ReadModels(PROJECTIONS, "epoch")
    models.partitions[partition_of("tool:atlas")].checkpoint = 7
    changes = models.fold([recorded(7, NEWER, "tool:atlas"), recorded(8, NEWER, "tool:atlas")])
    assert list(models.parked()) == list(changes.parked()) == [8]


def test_an_event_that_cannot_be_folded_is_parked_under_its_tool_and_the_next_is_folded():
    models = ReadModels(PROJECTIONS, "epoch")
    before_all_time = Recorded(
        2, Stream("any"), 1, VoteCast("ship"), datetime.min.replace(tzinfo=UTC), "atlas"
    )
    nothing_to_take_back = recorded(3, VoteRetracted("skip"))
    counted = recorded(4, VoteCast("ship"))
    models.fold([recorded(1, LISTED), before_all_time, nothing_to_take_back, counted])
    assert {at: parked.kind for at, parked in models.parked().items()} == {
        2: "VoteCast",
        3: "VoteRetracted",
    }
    assert all(parked.reason.startswith("ValueError: ") for parked in models.parked().values())
    tally = models.get(TALLIES, "atlas")
    assert tally is not None
    assert (tally.ship, tally.skip, models.position) == (1, 0, 4)


READABLE = recorded(7, VoteCast("ship"))


@pytest.mark.parametrize(
    ("parked", "event", "worth"),
    [
        (Parked("VoteCast/1", "too new", __version__), READABLE, True),
        (Parked("VoteCast/1", "too new", __version__), recorded(7, NEWER), False),
        (Parked("VoteCast", "of no time", __version__), READABLE, False),
        (Parked("VoteCast", "of no time", "0.0.1"), READABLE, True),
    ],
)
def test_what_was_left_out_is_tried_again_when_it_may_go_better(parked, event, worth):
    assert parked.worth_another_try(event, __version__) == worth


def test_a_tool_that_is_delisted_has_a_tally_still():
    models = ReadModels(PROJECTIONS, "epoch")
    models.fold([recorded(1, LISTED), recorded(2, ToolDelisted("atlas"))])
    tally, profile = models.get(TALLIES, "atlas"), models.get(PROFILES, "atlas")
    assert tally is not None
    assert tally.total == 0
    assert profile is not None
    assert not profile.listed
    assert models.get(PROFILES, "bolt") is None
    assert models.get(TALLIES, "bolt") is None


@given(st.lists(arbitrary.events, max_size=30))
def test_any_events_at_all_can_be_folded(events):
    models = ReadModels(PROJECTIONS, "epoch")
    models.fold(recorded(number, event) for number, event in enumerate(events, 1))
    assert models.position == len(events)


def test_a_slugs_partition_never_changes():
    """Kept read models are cut this way; another cut is another layout."""
    names = ("atlas", "notion", "tool:atlas", "\u00fc")
    assert [partition_of(name) for name in names] == [15, 6, 14, 5]
    assert {partition_of(f"tool-{number}") for number in range(500)} == set(range(PARTITIONS))


def test_times_are_kept_to_the_microsecond():
    at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    models = ReadModels(PROJECTIONS, "epoch")
    models.fold([Recorded(1, Stream("tool:atlas"), 1, LISTED, at, "atlas")])
    for model, when in ((TALLIES, "as_of"), (PROFILES, "listed_at")):
        kept = msgspec.json.encode(models.get(model, "atlas"))
        assert getattr(msgspec.json.decode(kept, type=model.value), when) == at
