"""The supervisor, with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import votes
from tests.polling import until
from votes.embedded import supervise
from votes.embedded.supervise import Child, run

WAIT_S = 30.0
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends no orphans here")

# Notes its id, and that of a worker it forks, then waits for the signal and ends its worker.
MAIN = """
import os, pathlib, signal, sys, time
worker = os.fork()
if worker == 0:
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)
def stop(*_):
    if "stubborn" not in sys.argv:
        os.kill(worker, signal.SIGTERM)
        os.waitpid(worker, 0)
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
new = pathlib.Path(sys.argv[1] + ".new")
new.write_text(f"{os.getpid()} {worker}")
new.rename(sys.argv[1])
while True:
    time.sleep(1)
"""
SUPERVISOR = """
import asyncio, sys
from votes.embedded.supervise import (Child, run)
child = Child("main", (sys.executable, "-c", sys.argv[1], sys.argv[2]))
asyncio.run(run([child], asyncio.Event()))
"""


@pytest.fixture
def note() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="votes-") as place:
        yield Path(place) / "ids"
        for pid in noted(Path(place) / "ids"):  # what a failed test left running
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def main(note: Path, *options: str) -> Child:
    return Child("main", (sys.executable, "-c", MAIN, str(note), *options))


def alive(pid: int) -> bool:
    """Not a zombie, which nobody may be there to reap."""
    ps = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return ps.stdout.strip()[:1] not in {"", "Z"}


def noted(note: Path, before: tuple[int, ...] = ()) -> tuple[int, ...]:
    """The ids of the main process and of its worker, once they are others than before."""
    with suppress(FileNotFoundError):
        ids = tuple(int(pid) for pid in note.read_text().split())
        return ids if ids != before else ()
    return ()


@asynccontextmanager
async def supervised(*children: Child) -> AsyncIterator[None]:
    """Runs the children for the time of the body, then stops them."""
    stop = asyncio.Event()
    task = asyncio.create_task(run(children, stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(WAIT_S):
            await task


async def test_a_stop_ends_each_child_and_its_workers(note: Path) -> None:
    other = note.with_name("other")
    async with supervised(main(note), main(other)):
        await until(lambda: noted(note) and noted(other), "a note")
        ids = noted(note) + noted(other)
        assert all(map(alive, ids))
    assert not any(map(alive, ids))


async def test_children_are_stopped_in_the_order_given(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []
    signal_group = supervise._signal_group

    def watched(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
        if number == signal.SIGTERM:
            stopped.append(process.pid)
        signal_group(process, number)

    monkeypatch.setattr(supervise, "_signal_group", watched)
    notes = [note.with_name(name) for name in "dcba"]
    async with supervised(*map(main, notes)):
        await until(lambda: all(map(noted, notes)), "a note")
        mains = [noted(each)[0] for each in notes]
    assert stopped == mains


async def test_a_child_that_ignores_the_stop_is_killed_with_its_workers(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "STOP_TIMEOUT_S", 0.2)
    async with supervised(main(note, "stubborn")):
        await until(lambda: noted(note), "a note")
        ids = noted(note)
    await until(lambda: not any(map(alive, ids)), "the end of all")


async def test_a_killed_child_is_replaced_and_its_orphans_are_ended(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "RESTART_FIRST_S", 0.01)
    with capture_logs() as logs:
        async with supervised(main(note)):
            await until(lambda: noted(note), "a note")
            first = noted(note)
            os.kill(first[0], signal.SIGKILL)
            await until(lambda: noted(note, first), "a note")
            assert not any(map(alive, first))
    assert [(line["child"], line["pid"], line["status"]) for line in logs] == [
        ("main", first[0], "SIGKILL")
    ]


async def test_a_child_that_keeps_failing_is_started_again_ever_more_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervise, "RESTART_FIRST_S", 0.01)
    monkeypatch.setattr(supervise, "RESTART_MAX_S", 0.03)
    with capture_logs() as logs:
        async with supervised(Child("bad", ("false",))):
            await until(lambda: len(logs) >= 4, "so many lines")
    assert [line["restart_in_s"] for line in logs[:4]] == [0.01, 0.02, 0.03, 0.03]
    assert {line["status"] for line in logs} == {"exit 1"}


async def test_a_child_that_ran_well_is_started_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "RESTART_FIRST_S", 0.01)
    monkeypatch.setattr(supervise, "HEALTHY_AFTER_S", 0.0)
    with capture_logs() as logs:
        async with supervised(Child("bad", ("false",))):
            await until(lambda: len(logs) >= 3, "so many lines")
    assert {line["restart_in_s"] for line in logs} == {0.01}


async def test_a_stop_does_not_wait_for_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "RESTART_FIRST_S", 600.0)
    with capture_logs() as logs:
        async with supervised(Child("bad", ("false",))):
            await until(lambda: logs, "so many lines")
            begin = time.monotonic()
    assert time.monotonic() - begin < WAIT_S


async def test_a_program_that_cannot_be_started_ends_the_others(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "dies_with_parent", lambda argv, _: argv)
    with pytest.raises(FileNotFoundError):
        await run([main(note), Child("missing", ("/nowhere/missing",))], asyncio.Event())
    ids = noted(note)
    assert not any(map(alive, ids))


async def test_the_environment_of_a_child_is_the_one_given(note: Path) -> None:
    shell = Child(
        "shell", ("/bin/sh", "-c", f'echo "$ONLY" > {note}; exec sleep 600'), {"ONLY": "1"}
    )
    async with supervised(shell):
        await until(lambda: note.exists() and note.read_text() == "1\n", "a note")


@ON_LINUX
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_the_end_of_the_supervisor_is_that_of_children_and_workers(
    note: Path, end: signal.Signals
) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(votes.__file__).parents[1])}
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, MAIN, str(note), env=env
    )
    try:
        await until(lambda: noted(note), "a note")
        ids = noted(note)
        supervisor.send_signal(end)
        await until(lambda: not any(map(alive, ids)), "the end of all")
    finally:
        with suppress(ProcessLookupError):
            supervisor.kill()
        await supervisor.wait()
