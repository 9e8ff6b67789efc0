"""A login's subject leads to one random id, and the database never has the subject."""

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from votes.engine.ports import Unavailable
from votes.store import people as people_module
from votes.store.people import People

SUBJECT = "ann.canary@example.org"
WHOLE = "SELECT row_to_json(each)::text AS text FROM people AS each"


@pytest.fixture
def process(store):
    """The people as one more process knows them."""
    return lambda: People(store, store)


async def stored(store) -> list[str]:
    async with store.connection() as connection:
        return [row["text"] for row in await connection.fetch(WHOLE)]


async def test_who_has_written_nothing_is_not_known_and_not_made(process, store):
    assert await process().find(SUBJECT) is None
    assert await stored(store) == []


async def test_a_person_has_one_random_id_from_then_on(process, store):
    made = await process().person(SUBJECT)
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", made.id)
    assert await process().person(SUBJECT) == await process().find(SUBJECT) == made
    assert await process().by_id([made.id, "nobody-else"]) == {made.id: made}
    assert made.voter == f"user:{made.id}"
    other = await process().person(SUBJECT.upper())
    assert (other.id, other.key) != (made.id, made.key)
    assert len(await stored(store)) == 2


async def test_the_database_has_no_subject(process, store):
    await process().person(SUBJECT)
    (row,) = await stored(store)
    assert "ann" not in row
    assert SUBJECT.encode().hex() not in row


async def test_made_by_many_at_once_a_person_has_one_id(process, store):
    subjects = [f"user-{number}" for number in range(20)]
    orders = [subjects, subjects[::-1], [*subjects[10:], *subjects[:10]], subjects] * 3
    made = await asyncio.gather(*(process().persons(order) for order in orders))
    assert all(each == made[0] for each in made)
    assert len(await stored(store)) == 20


async def test_a_person_once_looked_up_is_remembered(process, store, monkeypatch):
    people = process()
    made = await people.person(SUBJECT)

    def none(_):
        raise Unavailable("the database was asked")

    monkeypatch.setattr(type(store), "connection", none)
    assert await people.person(SUBJECT) == made
    people.clear()
    with pytest.raises(Unavailable):
        await people.person(SUBJECT)


async def test_no_more_are_remembered_than_that(process, monkeypatch):
    monkeypatch.setattr(people_module, "REMEMBERED_MAX", 3)
    people = process()
    made = {name: await people.person(name) for name in "abcdef"}
    assert len(people._remembered) == 3
    assert {name: await people.find(name) for name in "abcdef"} == made


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.booleans()), max_size=20))
def test_whatever_processes_ask_in_whatever_order_they_agree(servers, shared, steps):
    from tests.conftest import empty, settings_of
    from votes.resources import event_store

    async def run() -> None:
        await empty(servers, shared)
        async with event_store(settings_of(servers, shared, "people")) as store:
            processes = [People(store, store) for _ in range(3)]
            ids: dict[str, str] = {}
            for number, subject, writes in steps:
                people = processes[number]
                found = await (people.person if writes else people.find)(subject)
                if writes:
                    ids.setdefault(subject, found.id)
                assert (found.id if found else None) == ids.get(subject)
            assert len(set(ids.values())) == len(ids)

    asyncio.run(run())
