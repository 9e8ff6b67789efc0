"""What the database itself refuses, whatever the program asks for."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.engine.commands.sending import append_to
from tests.integration.store.access.calling import call_append, call_with
from tests.polling import until_told
from votes.domain.vote_events import VoteCast
from votes.store.postgres import OneSession, PostgresEventStore

AT = datetime(2026, 1, 1, tzinfo=UTC)
INSERT = (
    "INSERT INTO events (position, stream, version, subject, type, schema, data, meta, at, late"
)
VALUES = "1, 's', 1, 'a', 'VoteCast', 1, '{}', '{}', now(), false"


def append(stream, version, *words):
    events = [VoteCast("ship") for word in words]
    return append_to(stream, version, *events, at=AT)


async def test_the_one_who_appends_may_do_no_more_than_that(owner):
    query = "SELECT rolsuper OR rolcanlogin OR rolcreaterole OR rolcreatedb OR rolbypassrls"
    assert not await owner.fetchval(f"{query} FROM pg_roles WHERE rolname = 'votes_log'")
    await owner.execute("SET ROLE votes_log")
    for refused in (
        "CREATE TABLE public.mine ()",
        "DELETE FROM events",
        "UPDATE events SET data = '{}'",
        f"{INSERT}) VALUES ({VALUES}) ON CONFLICT (position) DO UPDATE SET data = '{{}}'",
        "UPDATE log SET single = NULL WHERE false; DELETE FROM log",
        "UPDATE migrations SET checksum = ''",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(refused)


async def test_the_one_who_erases_may_do_no_more_than_that(owner):
    query = "SELECT rolsuper OR rolcanlogin OR rolcreaterole OR rolcreatedb OR rolbypassrls"
    assert not await owner.fetchval(f"{query} FROM pg_roles WHERE rolname = 'votes_eraser'")
    await owner.execute("SET ROLE votes_eraser")
    for refused in (
        "CREATE TABLE public.mine ()",
        "SELECT key FROM people",
        "SELECT data FROM events",
        "UPDATE people SET key = ''",
        "TRUNCATE people",
        "DELETE FROM events",
        f"{INSERT}) VALUES ({VALUES})",
        "SELECT append_events('{}')",
        "SELECT add_people('{}', '{}', '{}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(refused)


async def test_a_person_is_destroyed_only_where_the_log_says_so(application):
    people = [b"1" * 32, b"2" * 32], ["a-person-01", "a-person-02"], [b"k" * 64] * 2
    await application.execute("SELECT add_people($1, $2, $3)", *people)
    assert await call_append(application, "person:a-person-01", 1) == []
    await application.execute("SELECT erase_people($1)", people[1])
    left = await application.fetch("SELECT id FROM people")
    assert [row["id"] for row in left] == ["a-person-02"]


NOT_NEXT = (0, -1, 1, 3, 2_147_483_647, -2_147_483_648)


@pytest.mark.parametrize("version", NOT_NEXT[:-1], ids=str)
async def test_what_relies_on_another_version_is_refused(application, version):
    assert await call_append(application, "s", 1) == []
    assert await call_append(application, "s", version) == [0]
    assert await application.fetchval("SELECT max(version) FROM events WHERE stream = 's'") == 1


@pytest.mark.parametrize(
    "versions",
    [*((version,) for version in NOT_NEXT), (2, 4), (3, 2), (2, 2), (2, 3, 3), (2, 3, 5, 4)],
    ids=str,
)
async def test_what_does_not_follow_fails_whatever_it_relies_on(application, versions):
    assert await call_append(application, "s", 1) == []
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await call_append(application, "s", *versions, relied=False)
    assert await application.fetchval("SELECT max(version) FROM events WHERE stream = 's'") == 1


@pytest.mark.parametrize("versions", [(3,), (0,), (-1,), (2, 4), (3, 2), (2, 3, 5, 4)], ids=str)
async def test_what_does_not_follow_is_not_stored_whole_either(application, versions):
    assert await call_append(application, "s", 1) == []
    rest: list[Any] = ["s", "VoteCast", 1, {}, AT.isoformat()]
    events = [["s", version, *rest, str(UUID(int=version % 99)), []] for version in versions]
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await application.fetchval("SELECT append_whole($1)", json.dumps(document(events)))
    assert await application.fetchval("SELECT max(version) FROM events WHERE stream = 's'") == 1
    assert await application.fetchval("SELECT count(*) FROM command_results") == 0


def document(events):
    return {"relied": [], "meta": {}, "events": events, "results": []}


NONSENSE_WHOLE = [
    *(None, [], 5, "x", {"events": {}}, {"events": [[]]}, {"events": [None]}, {"events": "x"}),
    *({"relied": [["s", None]]}, {"relied": 5}, {"results": [[0, "x"]]}, {"results": [[]]}),
    document([["s", 1, "s", "VoteCast", 1, {}, "infinity", str(UUID(int=1)), []]]),
    document([["s", 1, "s", "VoteCast", 1, {}, "now", None, []]]),
    {"events": [["s", 1, "s", "VoteCast", 1, {}, "now", str(UUID(int=1)), []]]},
    document([[None, 1, "s", "VoteCast", 1, {}, "now", str(UUID(int=1)), []]]),
]


@pytest.mark.parametrize("nonsense", NONSENSE_WHOLE, ids=str)
async def test_a_document_that_is_none_stores_nothing_whole(application, nonsense):
    with suppress(asyncpg.PostgresError):
        await application.fetchval("SELECT append_whole($1)", json.dumps(nonsense))
    assert await application.fetchval("SELECT count(*) FROM events") == 0
    assert await application.fetchval("SELECT count(*) FROM command_results") == 0


NONSENSE: list[Any] = [
    *(None, [], 5, "x", {"events": {}}, {"events": [[]]}, {"events": [None]}, {"events": "x"}),
    *({"relied": [["s"]]}, {"relied": [["s", 1, [None]]]}, {"relied": 5}, {"answers": [[0, "x"]]}),
    {"events": [["s", 1, "s", "VoteCast", 1, {}, {}, "infinity", 0]]},
    {"events": [["s", 1, "s", "VoteCast", 1, {}, {}, "-infinity", 0]]},
    {"events": [["s", 1, "s", "VoteCast", 1, {}, {}, None, 0]]},
    {"events": [[None, 1, "s", "VoteCast", 1, {}, {}, "now", 0]]},
]


@pytest.mark.parametrize("document", NONSENSE, ids=str)
async def test_a_document_that_is_none_stores_nothing(application, document):
    with suppress(asyncpg.PostgresError):
        await call_with(application, document)
    assert await application.fetchval("SELECT count(*) FROM events") == 0


async def test_tables_of_ones_own_do_not_stand_in_for_those_of_the_log(application, owner):
    for name in ("log", "events", "command_results"):
        await application.execute(f"CREATE TEMP TABLE {name} (LIKE public.{name} INCLUDING ALL)")
    assert await call_append(application, "s", 1) == []
    assert await owner.fetchval("SELECT count(*) FROM events") == 1


async def test_a_snapshot_from_before_an_append_leaves_no_gap(application, store):
    """The function then sees a log that is shorter than it is."""
    async with application.transaction(isolation="repeatable_read"):
        assert await application.fetchval("SELECT count(*) FROM events") == 0
        assert await store.append([append("a", 0, "1", "2")]) == [2]
        with pytest.raises(asyncpg.UniqueViolationError, match="events_position"):
            await call_append(application, "b", 1)
    assert await store.append([append("c", 0, "3")]) == [3]


@pytest.mark.parametrize("table", ["events", "command_results"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {}", "DELETE FROM {} WHERE false"],
)
async def test_not_even_the_owner_rewrites_history_by_accident(owner, table, statement):
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await owner.execute(statement.format(table))


async def test_there_is_one_log_and_it_cannot_become_two(owner):
    with pytest.raises(asyncpg.UniqueViolationError):
        await owner.execute("INSERT INTO log DEFAULT VALUES")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("INSERT INTO log (single) VALUES (false)")


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("8, 's', 1", "events_stream_version"),
        ("7, 't', 1", "events_position"),
        ("8, 't', 0", "events_version_from_1"),
        ("0, 't', 1", "events_position_from_1"),
    ],
)
async def test_behind_the_rules_stand_named_constraints(owner, values, constraint):
    rest = "'a', 'VoteCast', 1, '{}', '{}', now(), false"
    await owner.execute(f"{INSERT}) VALUES (7, 's', 1, {rest})")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=constraint):
        await owner.execute(f"{INSERT}) VALUES ({values}, {rest})")


async def test_positions_of_a_transaction_that_died_are_given_to_the_next(application, store):
    inside = PostgresEventStore(OneSession(application))
    assert await store.append([append("a", 0, "1")]) == [1]
    for _ in range(3):
        dying = application.transaction()
        await dying.start()
        assert await inside.append([append("b", 0, "x", "y")]) == [3]
        await dying.rollback()
    assert await store.append([append("b", 0, "2"), append("a", 1, "3")]) == [2, 3]
    read = [recorded async for events in store.after(0, 10) for recorded in events]
    assert [recorded.position for recorded in read] == [1, 2, 3]


async def test_nobody_draws_a_position_while_another_may_still_die(application, owner, store):
    inside = PostgresEventStore(OneSession(application))
    dying = application.transaction()
    await dying.start()
    assert await inside.append([append("a", 0, "x")]) == [1]
    waiting = asyncio.create_task(store.append([append("b", 0, "1")]))
    await until_told(
        owner,
        "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'log'::regclass AND NOT granted",
    )
    await dying.rollback()
    assert await waiting == [1]


async def test_a_reader_never_sees_a_position_before_all_smaller_ones(application, store):
    inside = PostgresEventStore(OneSession(application))
    slow = application.transaction()
    await slow.start()
    await inside.append([append("a", 0, "1")])
    waiting = asyncio.create_task(store.append([append("b", 0, "2")]))
    assert await store.head() == 0
    await slow.commit()
    assert await waiting == [2]
