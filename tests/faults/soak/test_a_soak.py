"""Everybody at once on one site, while every part of it breaks: what was promised holds.

`VOTES_SOAK_SECONDS` and `VOTES_SOAK_SEED` choose how long and which; the seed is told first.
"""

import asyncio
import os
import random
from pathlib import Path
from typing import Any

from tests.faults.killing import wait_until_ready
from tests.faults.soak.breaker import Breaker, Garbler
from tests.faults.soak.honest import Voter
from tests.faults.soak.hostile import Crowding, Hostile
from tests.faults.soak.judge import judge, judge_latency, table, verdict
from tests.faults.soak.logins import Logins, Moods
from tests.faults.soak.readers import Reader, Stream
from tests.faults.soak.record import Clock, Record
from tests.faults.soak.staff import Importer, Staff
from tests.faults.soak.stolen import ODD_TOOLS, Thief, preload
from tests.polling import until
from tests.running.lengths import length
from tests.site import TIRELESS, Site, free_port, site
from votes.config import Config
from votes.domain.person import Person
from votes.resources import event_store
from votes.store.people import People

SECONDS = length(20, 60)
END_S = 600.0
"""Far more than it takes to settle what was begun, and then to judge."""
VISITORS, USERS, READERS, STREAMS, HOSTILE = 24, 4, 12, 20, 3
BIGGEST, BIGGEST_VOTES = "notion", 50_000
TOOLS = [BIGGEST, "figma", "linear", "asana", "canva", "airtable", "mistral-3-small"]
SHAKY = ["shaky-0", "shaky-1"]


def test_what_was_promised_holds_whatever_comes(folder, capsys):
    seconds = float(os.environ.get("VOTES_SOAK_SECONDS") or SECONDS)
    seed = int(os.environ.get("VOTES_SOAK_SEED") or random.randrange(10**9))
    with capsys.disabled():
        print(f"\na soak of {seconds:g} s, VOTES_SOAK_SEED={seed}")
    record = Record(seed, [*TOOLS, *SHAKY], SHAKY)
    logins = Logins(free_port())
    with site(own_valkey=True, VOTES_JWKS_URL=logins.url, **TIRELESS) as running:
        asyncio.run(soak(record, running, logins, folder, seconds))
    with capsys.disabled():
        print("\n".join(table(record)))
    if os.environ.get("VOTES_TEST_LONG"):
        judge_latency(record)  # beside other tests it says how busy the machine is
    wrong = verdict(record)
    assert not wrong, "\n".join([f"VOTES_SOAK_SEED={seed}", *wrong])


async def soak(record: Record, site: Site, logins: Logins, folder: Path, seconds: float) -> None:
    """Begin, let it go on for so long, end and judge."""
    async with logins:
        staff = await prepared(record, site, logins)
        await run(record, site, logins, staff, folder, seconds)


async def prepared(record: Record, site: Site, logins: Logins) -> Staff:
    panelist = logins.headers("pat", "panelist", persona="soaked")
    staff = Staff(record, site.port, logins.headers("root", "admin"), panelist)
    for slug in (*SHAKY, *ODD_TOOLS):
        await staff.list_tool(slug)
    await preload(site, BIGGEST, BIGGEST_VOTES)
    await asyncio.to_thread(wait_until_ready, site)
    return staff


async def persons(site: Site, subjects: list[str]) -> dict[str, Person]:
    """Of these users, in this order: what the log calls them."""
    async with event_store(Config(postgres_url=site.servers.app_url)) as store:
        found = await People(store, store).persons(subjects)
        return {subject: found[subject] for subject in subjects}


async def run(
    record: Record, site: Site, logins: Logins, staff: Staff, folder: Path, seconds: float
) -> None:
    people = await persons(site, [f"voter-{VISITORS + number}" for number in range(USERS)])
    streams = [Stream(record, site.port, number) for number in range(STREAMS)]
    open_streams = [asyncio.create_task(stream.run()) for stream in streams]
    clients: list[Any] = [
        *(Voter(record, site.port, number) for number in range(VISITORS)),
        *(
            Voter(record, site.port, number, logins.headers(subject), person.voter)
            for number, (subject, person) in enumerate(people.items(), VISITORS)
        ),
        *(Reader(record, site.port, number) for number in range(READERS)),
        *(Hostile(record, site.port, number) for number in range(HOSTILE)),
        *(staff, Importer(record, site, folder), Thief(record, site), Clock(record)),
        Moods(record, logins),
        *(Crowding(record, site.port, BIGGEST), Breaker(record, site), Garbler(record, site)),
    ]
    try:
        async with asyncio.timeout(seconds + END_S), asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run())
            group.create_task(end_after(record, seconds))
        async with asyncio.timeout(END_S):
            await judge(record, site, streams)
    finally:
        for task in open_streams:
            task.cancel()
        await asyncio.gather(*open_streams, return_exceptions=True)


async def end_after(record: Record, seconds: float) -> None:
    """And once there is enough to judge, however busy the machine is."""
    await record.pause(seconds)
    needed = ("votes acknowledged", "tallies seen fresh")
    await until(lambda: all(record.done[what] > seconds for what in needed), f"enough {needed}")
    record.over.set()
