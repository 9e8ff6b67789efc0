"""A rebuild reads columns from Postgres, and leads to what the events lead to one by one."""

import random
from copy import copy
from datetime import UTC, datetime, timedelta

import pytest

from tests.stored.long_log import COLUMNS, TOOL, fill
from votes.domain.review import Opinion, ReviewPublished
from votes.domain.vote_events import VoteCast, VoteRetracted
from votes.engine.projecting.columns import fold_columns
from votes.engine.projecting.projector import fold_log
from votes.engine.projection import ONE_BY_ONE
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.store.codec import Codec

EVENTS, STRANGE = 1_500, 300
GAP = 5
SINGLY = copy(PROJECTIONS)
SINGLY.bulk = ONE_BY_ONE
REVIEW = Opinion(70, "ship", "a long text " * 40)
ENCODED = [
    *(Codec().encode(VoteCast(choice)) for choice in ("ship", "skip") * 4),
    Codec().encode(VoteCast("ship", claims={"plan": "pro"})),
    Codec().encode(VoteCast("ship", claims={"plan": "a long one " * 30})),
    Codec().encode(VoteRetracted("skip", "ruling")),
    Codec().encode(ReviewPublished(REVIEW)),
    ("VoteCast", 2, '{"choice": "ship"}'),
    ("VoteCast", 1, '{"choice": "neither"}'),
    ("BookmarkRemoved", 1, "{}"),
    ("BookmarkRemoved", 1, "[]"),
    ("NeverHeardOf", 1, "null"),
]
LAST = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def strange(chance, position):
    """A row that no program would write."""
    at = chance.choice((datetime(1970, 1, 1, tzinfo=UTC), LAST, datetime.now(UTC)))
    if at < LAST:
        at += timedelta(microseconds=chance.randrange(10**13))
    subject = chance.choice((TOOL, "tool001", "tool002", "nowhere", f"{TOOL}@1"))
    what = chance.choice(ENCODED)
    return position, at, chance.random() < 0.5, f"any:{position}", 1, subject, *what, "{}"


@pytest.mark.parametrize("seed", range(3))
async def test_it_leads_to_the_same(store, owner, seed):
    chance = random.Random(seed)
    await fill(owner, chance, EVENTS, EVENTS // 3, 0.3)
    rows = [strange(chance, EVENTS + number + 1) for number in range(STRANGE)]
    await owner.copy_records_to_table("events", columns=COLUMNS, records=rows)
    singly = ReadModels(SINGLY, await store.epoch())
    await fold_log(store, singly)
    singly.fold((), every=True)
    assert len(singly.parked()) > 20
    for at_once in (7, 100, EVENTS + STRANGE):
        models = ReadModels(PROJECTIONS, singly.epoch)
        await fold_columns(store, models, at_once)
        assert models.position == (EVENTS + STRANGE) // at_once * at_once
        await fold_log(store, models)
        models.fold((), every=True)
        assert models.partitions == singly.partitions
        assert (models.position, models.checksum) == (singly.position, singly.checksum)


async def test_events_after_a_gap_are_not_lost(store, owner):
    chance = random.Random(4)
    rows = [strange(chance, number + 1 + (number >= 20) * GAP) for number in range(40)]
    await owner.copy_records_to_table("events", columns=COLUMNS, records=rows)
    singly, models = ReadModels(SINGLY, "here"), ReadModels(PROJECTIONS, "here")
    await fold_log(store, singly)
    await fold_columns(store, models, 8)
    assert models.position == 16
    await fold_log(store, models)
    for each in (singly, models):
        each.fold((), every=True)
    assert models.partitions == singly.partitions
    assert models.position == 40 + GAP
