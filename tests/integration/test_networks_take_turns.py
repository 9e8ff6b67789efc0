"""Who waits for a picture, in which order, and who is refused."""

import asyncio

import pytest

from votes.http.errors import Refused
from votes.site.pictures.gallery import Turns

WAITING_MAX = 4


class Scene:
    """One works; the others wait. `worked` says who has had a turn."""

    def __init__(self) -> None:
        self.turns = Turns(1, WAITING_MAX)
        self.worked: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.begun, self.done = asyncio.Event(), asyncio.Event()
        self.first = asyncio.create_task(self._first())

    async def _first(self) -> None:
        async with self.turns.turn("first"):
            self.begun.set()
            await self.done.wait()

    async def wait(self, *networks: str) -> list["asyncio.Task[None]"]:
        """They come in this order."""
        await self.begun.wait()
        tasks = [asyncio.create_task(self._work(network)) for network in networks]
        self.tasks += tasks
        await asyncio.sleep(0)
        return tasks

    async def _work(self, network: str) -> None:
        async with self.turns.turn(network):
            self.worked.append(network)

    async def end(self) -> list[str]:
        self.done.set()
        async with asyncio.timeout(10):
            await asyncio.gather(self.first, *self.tasks, return_exceptions=True)
        return self.worked


async def test_each_network_in_its_turn():
    scene = Scene()
    await scene.wait("many", "many", "many", "one")
    assert await scene.end() == ["many", "one", "many", "many"]


async def test_a_newcomer_takes_the_place_of_the_last_of_the_many():
    scene = Scene()
    *_, last = await scene.wait("many", "many", "many", "many")
    await scene.wait("one")
    with pytest.raises(Refused):
        await last
    assert await scene.end() == ["many", "one", "many", "many"]


async def test_the_many_themselves_are_refused_and_so_is_a_newcomer_among_single_ones():
    for there, newcomer in (("aaaa", "a"), ("aaab", "a"), ("aabb", "a"), ("abcd", "e")):
        scene = Scene()
        await scene.wait(*there)
        (late,) = await scene.wait(newcomer)
        with pytest.raises(Refused):
            await late
        assert sorted(await scene.end()) == list(there)


async def test_who_gives_up_holds_up_nobody():
    scene = Scene()
    gone, *_ = await scene.wait("a", "a", "b")
    gone.cancel()
    assert await scene.end() == ["b", "a"]


async def test_who_gives_up_when_the_turn_comes_passes_it_on():
    turns, worked = Turns(1, WAITING_MAX), []

    async def work(network: str) -> None:
        async with turns.turn(network):
            worked.append(network)

    async with turns.turn("first"):
        gone, other = asyncio.create_task(work("a")), asyncio.create_task(work("b"))
        await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(gone, other, return_exceptions=True)
    assert worked == ["b"]
