"""200 streams during 20,000 votes, with cut connections and restarts of the API and of Redis.

For each stream the ids of a world never go back, nor does any tally; no state is invented, none is
marked stale in the end, and the last state is the log's fold.
"""

import asyncio
import os
import random
import signal
from functools import partial
from typing import Any

from msgspec.structs import replace

from tests.faults.killing import part
from tests.integration.live.sse import Refused, connect, events, position
from tests.polling import until
from tests.site import TIRELESS, Site, site
from tests.stored.slugs import ids_by_slug
from votes.cli.settings import completed
from votes.config import Config
from votes.domain import vote
from votes.domain.terms import ToolId, VoterId
from votes.engine.bulk import submit_all
from votes.engine.handle import Outcome, Request
from votes.engine.ports import Meta
from votes.projections import tallies
from votes.resources import event_store, now

STREAMS = 200
VOTES = 20_000
CHUNK = 200
TOOLS = ["notion", "figma", "linear", "asana", "mistral-3-small"]

State = tuple[int, int]


class Reader:
    """A browser: reconnects after the last id, and keeps what it was told."""

    def __init__(self, port: int, tools: list[str]) -> None:
        self.port, self.tools = port, tools
        self.seen: str | None = None
        self.last = "", -1
        self.stale: dict[str, bool] = {}
        self.states: dict[tuple[str, int], State] = {}
        self.current: dict[str, tuple[int, State]] = {}
        self.writer: asyncio.StreamWriter | None = None
        self.connections = 0
        self.stopped = False

    async def until_stopped(self) -> None:
        while not self.stopped:
            try:
                reader, self.writer = await connect(self.port, ",".join(self.tools), self.seen)
                self.connections += 1
                async for event in events(reader):
                    self.take(event)
            except (OSError, Refused, ValueError, asyncio.IncompleteReadError):
                pass
            finally:
                self.cut()
            await asyncio.sleep(random.uniform(0.05, 0.3))

    def take(self, event) -> None:
        world = event.id.partition("-")[0]
        if world == self.last[0]:
            assert position(event) >= self.last[1], f"{event.id} after {self.last}"
        self.seen, self.last = event.id, (world, position(event))
        if event.kind == "tally":
            assert event.data["position"] >= self.current.get(event.data["tool"], (0,))[0]
            self.stale[event.data["tool"]] = event.data["stale"]
            state = event.data["ship"], event.data["skip"]
            known = self.states.setdefault((event.data["tool"], event.data["position"]), state)
            assert known == state
            self.current[event.data["tool"]] = event.data["position"], state

    def cut(self) -> None:
        if self.writer is not None:
            self.writer.transport.abort()


def command(ids: dict[str, ToolId]) -> vote.CastVote:
    """One of many people, some of whom have voted before."""
    voter = VoterId(f"user:{random.randrange(10**5)}")
    return vote.CastVote(ids[random.choice(TOOLS)], voter, random.choice(("ship", "skip")))


async def until_broken_cast_votes(
    config: Config, ids: dict[str, ToolId], breaking: asyncio.Task[None]
) -> int:
    """Votes at a steady pace, at least `VOTES`; answers how many changed something."""
    changed, asked = 0, 0
    async with event_store(config) as store:
        while asked < VOTES or not breaking.done():
            commands = [command(ids) for _ in range(CHUNK)]
            answers = await submit_all(
                store, [Request(vote.decider, each, Meta(actor="test"), now()) for each in commands]
            )
            for answer in answers:
                assert isinstance(answer, Outcome), answer
                changed += answer.changed
            asked += CHUNK
            await asyncio.sleep(0.1)
    breaking.result()
    return changed


async def fold_states(config: Config, ids: dict[str, ToolId]) -> dict[tuple[str, int], State]:
    """Every state that a tally had, by tool and position: what streams may say."""
    states: dict[tuple[str, int], State] = {}
    slugs: dict[str, str] = {tool: slug for slug, tool in ids.items()}
    counted: dict[str, Any] = {tool: tallies.Tally(tallies.Counts(), 0, now()) for tool in TOOLS}
    async with event_store(config) as store:
        async for batch in store.after(0, 5_000):
            for recorded in batch:
                tool = slugs.get(recorded.subject)
                if tool in counted:
                    counted[tool] = tallies.evolve(
                        replace(counted[tool], position=recorded.position), recorded
                    )
                    states[tool, recorded.position] = counted[tool].ship, counted[tool].skip
    return states


async def break_things(site: Site, readers: list[Reader]) -> None:
    """Kill the API and Redis in turn, each time when most streams have come back."""
    for name in ("api", "valkey", "api", "valkey"):
        before = sum(reader.connections for reader in readers)
        for reader in readers[:: 1 if name == "valkey" else 4]:
            reader.cut()
        await until_connected(readers, before + STREAMS // 4)
        os.kill(await until(partial(part, site, name), name), signal.SIGKILL)
    await until_connected(readers, before + STREAMS // 4)


async def until_connected(readers: list[Reader], count: int) -> None:
    await until(lambda: sum(reader.connections for reader in readers) >= count, "the streams")


async def test_no_stream_goes_back_invents_or_misses_the_end():
    with site(own_valkey=True, **TIRELESS) as running:
        await run_streams(running)


async def run_streams(running: Site) -> None:
    config = completed(Config(), running.servers)
    readers = [
        Reader(running.port, random.sample(TOOLS, random.randint(1, len(TOOLS))))
        for _ in range(STREAMS)
    ]
    tasks = [asyncio.create_task(reader.until_stopped()) for reader in readers]
    try:
        await until_connected(readers, STREAMS)
        breaking = asyncio.create_task(break_things(running, readers))
        ids = await ids_by_slug(running.servers.app_url)
        assert await until_broken_cast_votes(config, ids, breaking) > VOTES // 2
        states = await fold_states(config, ids)
        final = {tool: max(p for t, p in states if t == tool) for tool in TOOLS}
        await wait_until_converged(readers, final, tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for reader in readers:
        assert all(states[key] == state for key, state in reader.states.items())
        for tool in reader.tools:
            assert reader.current[tool] == (final[tool], states[tool, final[tool]])


async def wait_until_converged(readers: list[Reader], final: dict[str, int], tasks) -> None:
    def done() -> bool:
        for task in tasks:
            if task.done():
                task.result()
        return all(
            reader.current.get(tool, (0,))[0] == final[tool] and not reader.stale[tool]
            for reader in readers
            for tool in reader.tools
        )

    await until(done, "streams that show the end of the log")
