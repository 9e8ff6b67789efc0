"""The search of one API process at 1,000, 10,000 and 100,000 made-up tools: how long an index takes
to build and what it needs, how long suggestions and searches take, and what the loop notices.

Each size has a process of its own, so its memory is its own. Texts are beginnings of names, and
names with a typo. Suggestions are of 8 tools, searches of 500. Their times are those of the
processor of the loop's thread: so long the loop does nothing else.
"""

import asyncio
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from tests.benchmarks.measuring.rounds import Result, Settings
from tests.search.catalogues import AT, names, tagline
from votes.domain.tool import Entry, ToolListed
from votes.domain.vote_events import VoteCast
from votes.engine.log import Recorded, Stream
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS
from votes.search.finder import FOUND_MAX, Finder
from votes.search.pages import SUGGESTIONS_DEFAULT

ANY = Stream("any")
SIZES = (1_000, 10_000, 100_000)
TEXTS = 1_000
COMMITS = 20
TICK_S = 0.001
LETTERS = "abcdefghijklmnopqrstuvwxyz"

Figures = dict[str, float]


def run(settings: Settings) -> list[Result]:
    """One table a size; a round is a process."""
    results = []
    for size in SIZES:
        rounds = [_measured_apart(size) for _ in range(min(settings.rounds, 3))]
        rates = {name: [each[name] for each in rounds] for name in rounds[0]}
        title = f"search: {size:,} tools, one API process"
        results.append(Result(title, "ms, but for memory", rates))
    return results


def _measured_apart(size: int) -> Figures:
    argv = [sys.executable, "-m", "tests.benchmarks.search", str(size)]
    told = subprocess.run(argv, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    return msgspec.json.decode(told.stdout, type=Figures)


async def _measure(size: int) -> Figures:
    called = names(size)
    models = _models(called)
    finder, before = Finder(), _memory_mb()
    finder.follow(models, None)
    figures: Figures = {}
    figures["build"], figures["longest hold of the loop meanwhile"] = await _watched(finder)
    figures["memory of the index, MB"] = _memory_mb() - before
    for kind, texts in _texts(called).items():
        for what, limit in (("suggest", SUGGESTIONS_DEFAULT), ("search", FOUND_MAX)):
            took = sorted([await _one(finder, models, text, limit) for text in texts])
            figures[f"{what}, {kind}, p50"] = took[len(took) // 2]
            figures[f"{what}, {kind}, p99"] = took[len(took) * 99 // 100]
    took = sorted([await _one_change(finder, models, number) for number in range(COMMITS)])
    figures["one changed tool in the index, p50"] = took[len(took) // 2]
    figures["one changed tool in the index, most"] = took[-1]
    return figures


def _models(called: list[str]) -> ReadModels:
    models = ReadModels(PROJECTIONS, "epoch")
    models.fold(
        Recorded(at, ANY, 1, ToolListed(f"tool-{at}", _entry(name, at)), AT, f"id-{at}")
        for at, name in enumerate(called, 1)
    )
    return models


def _entry(name: str, at: int) -> Entry:
    return Entry(name, f"Category {at % 20}", tagline(at))


def _texts(called: list[str]) -> dict[str, list[str]]:
    chance = random.Random(11)
    some = chance.choices(called, k=TEXTS)
    return {
        "typed so far": [name[: chance.randint(1, len(name))] for name in some],
        "with a typo": [_mistyped(name, chance) for name in some],
    }


def _mistyped(name: str, chance: random.Random) -> str:
    at, letter = chance.randrange(len(name) - 1), chance.choice(LETTERS)
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    others = name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name[:at] + letter
    return chance.choice((swapped, *others[:2], others[2] + name[at + 1 :]))


async def _watched(finder: Finder) -> tuple[float, float]:
    """How long the build took, and the longest that the loop did not run meanwhile."""
    building = asyncio.create_task(finder.catch_up())
    began = last = time.perf_counter()
    longest = 0.0
    while not building.done():
        await asyncio.sleep(TICK_S)
        now = time.perf_counter()
        longest, last = max(longest, now - last - TICK_S), now
    await building
    return (time.perf_counter() - began) * 1e3, longest * 1e3


async def _one(finder: Finder, models: ReadModels, text: str, limit: int) -> float:
    """What one search takes of the loop, of this thread's processor."""
    began = time.thread_time()
    await finder.find(models, text, None, limit)
    return (time.thread_time() - began) * 1e3


async def _one_change(finder: Finder, models: ReadModels, number: int) -> float:
    event = ToolListed(f"new-{number}", Entry(f"Brandnew {number}", "New"))
    vote = [Recorded(models.position + 2, ANY, 1, VoteCast("ship"), AT, f"new-{number}")]
    listing = Recorded(models.position + 1, ANY, 1, event, AT, f"new-{number}")
    finder.follow(models, models.fold([listing, *vote]))
    began = time.perf_counter()
    await finder.catch_up()
    return (time.perf_counter() - began) * 1e3


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096 / 1e6


def main(argv: list[str], tell: Callable[[bytes], object]) -> None:
    assert threading.active_count() == 1
    tell(msgspec.json.encode(uvloop.run(_measure(int(argv[1])))))


if __name__ == "__main__":
    main(sys.argv, sys.stdout.buffer.write)
