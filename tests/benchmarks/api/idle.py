"""What a house takes in which nobody does anything: `votes up --demo`, all of its processes.

Memory is the proportional set size (PSS): what several processes share counts once in all.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.benchmarks.measuring.processor import with_children
from tests.benchmarks.measuring.rounds import Bound, Result, Settings
from tests.benchmarks.measuring.stack import ROOT, process, projected
from tests.polling import wait_for
from tests.site import free_port

CORE_PERCENT_MAX, MEMORY_MB_MAX = 2.0, 300.0
QUIET_S = 90.0
"""Until all that was done at the start is done, and connections that it took are closed."""
START_S_MAX = 120.0
WINDOW = 10
"""A window is so many turns long: processor time is counted in hundredths of a second."""


def run(settings: Settings) -> list[Result]:
    with _house() as top:
        time.sleep(QUIET_S)
        core: list[float] = []
        memory: dict[str, list[float]] = {"all": []}
        for _ in range(settings.rounds):
            before, start = with_children(top), time.monotonic()
            time.sleep(settings.seconds * WINDOW)
            core.append((with_children(top) - before) / (time.monotonic() - start) * 100)
            found = _memory_mb(top)
            memory["all"].append(sum(found.values()))
            for part, memory_mb in found.items():
                memory.setdefault(part, []).append(memory_mb)
    return [
        Result(
            "idle: processor",
            "% of a core",
            {"all": core},
            bounds=[Bound("% of a core, all processes", core, CORE_PERCENT_MAX)],
        ),
        Result(
            "idle: memory",
            "MB",
            memory,
            bounds=[Bound("MB, all processes", memory["all"], MEMORY_MB_MAX)],
        ),
    ]


@contextmanager
def _house() -> Iterator[int]:
    """The demo, started and up to date; answers the id of the process that began it all."""
    (ROOT / ".data").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=ROOT / ".data"))
    port = free_port()
    arguments = ("up", "--demo", "--port", str(port), "--data-dir", str(folder / "data"))
    try:
        with process("-m", "votes", *arguments) as running:
            wait_for(lambda: projected(port), "the demo", START_S_MAX)
            yield running.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory_mb(top: int) -> Counter[str]:
    """The megabytes of the process and of all below it, by what they are."""
    found: Counter[str] = Counter()
    root = psutil.Process(top)
    for each in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            found[_part(each)] += each.memory_full_info().pss / 2**20
    return found


def _part(process: psutil.Process) -> str:
    command = process.cmdline()
    if command[1:2] == ["-m"]:
        return " ".join(command[2:4])  # `votes up`, `votes api`, `workers`
    return next(name for name in ("postgres", "valkey") if name in command[0])
