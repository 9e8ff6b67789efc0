"""A user is erased: nothing leads to them any more, and nothing is read or written as before."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.asking import api_beside, bearer, browser, head, new_tool, problem, unique
from votes.config import Config
from votes.domain import person as persons
from votes.domain.person import EraseSubject, Person
from votes.engine.bulk import submit_all
from votes.engine.handle import Request
from votes.engine.ports import Meta
from votes.resources import event_store, now
from votes.store.connections import COMMANDS, WORKER
from votes.store.people import People


@pytest.fixture(scope="module")
def beside(live_site):
    """Another API process."""
    with api_beside(live_site) as url:
        yield url


@pytest.fixture(scope="module")
def tools(live_site) -> list[str]:
    return [new_tool(live_site) for _ in range(2)]


def bookmark(http: httpx.Client, me: dict[str, str], tool: str, note: str) -> httpx.Response:
    return http.put(f"/v1/me/bookmarks/{tool}", json={"note": note}, headers=me)


def vote(http: httpx.Client, me: dict[str, str], tool: str, choice: str) -> httpx.Response:
    return http.put(f"/v1/tools/{tool}/vote", json={"choice": choice}, headers=me)


def erase(http: httpx.Client, me: dict[str, str]) -> None:
    answer = http.delete("/v1/me", headers=me)
    assert (answer.status_code, answer.content) == (204, b"")


def held_of(http: httpx.Client, me: dict[str, str], tools: list[str]) -> tuple[dict, dict]:
    """What the user reads: notes and votes by tool."""
    listed = http.get("/v1/me/bookmarks", headers=me).json()["bookmarks"]
    state = http.get("/v1/me/state", params={"tools": ",".join(tools)}, headers=me).json()
    notes = {one["tool"]: one["note"] for one in listed}
    assert {tool for tool, mine in state.items() if mine["bookmarked"]} == notes.keys()
    return notes, {tool: mine["vote"] for tool, mine in state.items() if mine["vote"]}


@asynccontextmanager
async def people_of(site, use=COMMANDS):
    async with event_store(Config(postgres_url=site.servers.app_url), use) as store:
        yield store, People(store, store)


def test_it_can_be_asked_for_any_number_of_times(http, me, tool):
    erase(http, me)
    bookmark(http, me, tool, "mine")
    for _ in range(2):
        erase(http, me)
    assert held_of(http, me, [tool]) == ({}, {})


@pytest.mark.parametrize("login", [{}, {"Authorization": "Bearer x"}])
def test_it_is_for_users(http, login):
    answer = http.delete("/v1/me", headers=login)
    problem(answer, 401, "token_invalid" if login else "not_authenticated")


def test_votes_count_on_and_a_new_one_counts_beside_them(http, me, tool):
    vote(http, me, tool, "ship")
    erase(http, me)
    position = vote(http, me, tool, "ship").json()["position"]
    tally = http.get(f"/v1/tools/{tool}/tally", params={"min_position": position}).json()
    assert (tally["ship"], tally["total"]) == (2, 2)


def test_a_key_used_before_means_nothing_after(http, me, tool):
    keyed = me | {"Idempotency-Key": "k"}
    assert bookmark(http, keyed, tool, "before").status_code == 201
    assert bookmark(http, keyed, tool, "before").status_code == 201
    erase(http, me)
    assert bookmark(http, keyed, tool, "after").status_code == 201


steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 1),
        st.sampled_from(["note", "note", "ship", "skip", "read", "erase"]),
    ),
    max_size=20,
)


@settings(max_examples=40)
@given(steps)
def test_whatever_two_processes_are_asked_they_know_the_same(live_site, beside, tools, asked):
    me = bearer(live_site, unique("user"))
    notes: dict[str, str] = {}
    votes: dict[str, str] = {}
    with browser(live_site.url) as here, browser(beside) as there:
        for number, (process, place, what) in enumerate(asked):
            http, tool = (here, there)[process], tools[place]
            match what:
                case "note":
                    answer = bookmark(http, me, tool, f"note {number}")
                    assert answer.status_code == (200 if tool in notes else 201)
                    notes[tool] = answer.json()["note"]
                    assert notes[tool] == f"note {number}"
                case "ship" | "skip":
                    assert vote(http, me, tool, what).json()["previous"] == votes.get(tool)
                    votes[tool] = what
                case "read":
                    assert held_of(http, me, tools) == (notes, votes)
                case _:
                    erase(http, me)
                    notes, votes = {}, {}
        for http in (there, here):
            assert held_of(http, me, tools) == (notes, votes)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=4, max_size=24))
def test_asked_at_once_nothing_follows_an_erasure(live_site, beside, tools, asked):
    subject, before = unique("user"), head(live_site)
    me, urls = bearer(live_site, subject), (live_site.url, beside)

    def one(step) -> None:
        process, erasing = step
        with browser(urls[process]) as http:
            if erasing:
                erase(http, me)
            else:
                assert bookmark(http, me, tools[0], "x").status_code in (200, 201)

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(one, asked))
    with browser(beside) as http:
        erase(http, me)
        assert held_of(http, me, tools) == ({}, {})
    assert asyncio.run(after_an_erasure(live_site, before)) == []
    assert asyncio.run(known(live_site, subject)) is None


async def known(site, subject: str) -> Person | None:
    async with people_of(site) as (_, people):
        return await people.find(subject)


async def after_an_erasure(site, since: int) -> list[str]:
    """Streams of persons erased since the position, with an event after the erasure."""
    connection = await asyncpg.connect(site.servers.app_url)
    rows = await connection.fetch(
        "SELECT late.stream FROM events AS erased JOIN events AS late"
        " ON late.position > erased.position"
        " AND (split_part(late.stream, ':', 2) = erased.subject"
        " OR split_part(late.stream, ':', 4) = erased.subject"
        " OR late.meta ->> 'actor' = 'user:' || erased.subject)"
        " WHERE erased.type = 'SubjectErased' AND erased.position > $1",
        since,
    )
    await connection.close()
    return [row["stream"] for row in rows]


async def half_erased(site, subject: str) -> Person:
    """Do the first half of an erasure, as a process does that then dies."""
    async with people_of(site) as (store, people):
        person = await people.find(subject)
        asking = Request(persons.decider, EraseSubject(person.id), Meta(), now())
        await submit_all(store, [asking])
        return person


@pytest.mark.parametrize("then", ["erase", "read", "write", "elsewhere", "worker"])
def test_what_a_dead_process_began_is_finished(live_site, beside, http, tools, then):
    subject = unique("user")
    me = bearer(live_site, subject)
    bookmark(http, me, tools[0], "before")
    person = asyncio.run(half_erased(live_site, subject))
    with browser(beside) as other:
        match then:
            case "erase":
                erase(http, me)
            case "read":
                assert held_of(http, me, tools) == ({}, {})
            case "write":
                assert bookmark(http, me, tools[0], "after").status_code == 201
            case "elsewhere":
                assert bookmark(other, me, tools[0], "after").status_code == 201
            case _:
                asyncio.run(swept(live_site))
        for each in (http, other):
            assert held_of(each, me, tools)[0].get(tools[0]) in (None, "after")
    assert asyncio.run(existing(live_site, person)) is False


async def swept(site) -> None:
    async with people_of(site, WORKER) as (_, people):
        await people.finish_erasures()


async def existing(site, person: Person) -> bool:
    async with people_of(site) as (_, people):
        return bool(await people.by_id([person.id]))


async def test_who_is_not_erased_keeps_the_key(live_site):
    async with people_of(live_site) as (_, people):
        person = await people.person(subject := unique("user"))
        await people.destroy(subject, person)
        await swept(live_site)
        assert await people.by_id([person.id]) == {person.id: person}
