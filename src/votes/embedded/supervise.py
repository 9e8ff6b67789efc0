"""Keeps child processes running, and ends each with its whole process group.

A child leads its own session, so a Ctrl-C in the terminal reaches only the supervisor, which then
stops the children in order. On Linux the kernel sends a child SIGTERM when the supervisor dies,
even by kill -9.
"""

import asyncio
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
import structlog

RESTART_FIRST_S = 0.5  # wait before the first restart; doubled at each further one
RESTART_MAX_S = 5.0  # short, to recover soon after an outage
HEALTHY_AFTER_S = 30.0  # after so long a run the pause starts again at RESTART_FIRST_S
STOP_TIMEOUT_S = 10.0  # between SIGTERM and SIGKILL
assert 0 < RESTART_FIRST_S <= RESTART_MAX_S < HEALTHY_AFTER_S

_log = structlog.get_logger(__name__)


class Child(msgspec.Struct, frozen=True):
    """A program to keep running: its name in the log, its arguments, its whole environment."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None  # None: the supervisor's own


def dies_with_parent(argv: Sequence[str], end: signal.Signals) -> list[str]:
    """`argv`, wrapped so that the kernel sends `end` when the *thread* that started it dies.

    Unchanged where that is not possible (no Linux, no util-linux).
    """
    setpriv = shutil.which("setpriv")
    if sys.platform != "linux" or setpriv is None:
        return list(argv)
    return [setpriv, "--pdeathsig", end.name.removeprefix("SIG"), "--", *argv]


async def run(children: Sequence[Child], stop: asyncio.Event) -> None:
    """Keeps the children running until `stop` is set, then ends them in the order given.

    A child that ends by itself is restarted, without a limit on the number of restarts: a server
    that it needs (Redis, say) may be away for long. Call it from the main thread.

    Raises:
        OSError: a program cannot be started at all; the other children have been ended.
    """
    keepers = [asyncio.create_task(_keep(child), name=child.name) for child in children]
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (*keepers, stopped):
            task.cancel()
        await asyncio.gather(*keepers, stopped, return_exceptions=True)


async def _keep(child: Child) -> None:
    pause_s = RESTART_FIRST_S
    while True:
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *dies_with_parent(child.argv, signal.SIGTERM),
            env=child.env,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await process.wait()
        finally:
            await _end(process)
        ran_s = time.monotonic() - started
        if ran_s >= HEALTHY_AFTER_S:
            pause_s = RESTART_FIRST_S
        _log.warning(
            "child ended",
            child=child.name,
            pid=process.pid,
            status=_status(process.returncode),
            ran_s=round(ran_s, 1),
            restart_in_s=pause_s,
        )
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, RESTART_MAX_S)


async def _end(process: Process) -> None:
    """Ends the child if it runs, and whatever is left of its group (its workers, say)."""
    if process.returncode is None:
        _signal_group(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    # A worker process without its parent would keep the listening port.
    _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # the whole group is gone
        os.killpg(process.pid, number)


def _status(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit {code}"
