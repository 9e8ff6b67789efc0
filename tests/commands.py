"""The `votes` command in a process that is forked from one which has imported the program: to
import it takes longer than most commands, and most of an API process's start.
`tests/e2e/programs/test_readme.py` runs it as its users do, and so does `votes up` its API."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

_PROCESSES = multiprocessing.get_context("forkserver")
# No module that asks at its import whether it writes to a terminal, as those of most commands do.
_PROCESSES.set_forkserver_preload(["votes.server", "granian", "rich.progress", "rich.table"])


def votes(
    arguments: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    given: str = "",
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in that environment and folder, with that as its input."""
    with tempfile.TemporaryDirectory() as name:
        streams = [Path(name, stream) for stream in ("in", "out", "err")]
        for stream in streams:
            stream.write_text(given if stream.name == "in" else "")
        process = _PROCESSES.Process(target=_run, args=(arguments, dict(env), folder, streams))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout_s)
        _, out, err = (stream.read_text() for stream in streams)
        return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def begun(arguments: Sequence[str], env: Mapping[str, str]) -> BaseProcess:
    """The command in that environment, which writes to where the tests write."""
    process = _PROCESSES.Process(target=_run, args=(arguments, dict(env), Path.cwd(), ()))
    process.start()
    return process


def _run(
    arguments: Sequence[str], env: dict[str, str], folder: Path, streams: Sequence[Path]
) -> None:
    multiprocessing.set_start_method(None, force=True)  # as in a process that was not forked
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    for descriptor, stream in enumerate(streams):
        os.dup2(os.open(stream, os.O_RDWR), descriptor)
    sys.stdin = open(0)  # noqa: SIM115 - multiprocessing has closed it
    sys.argv = ["votes", *arguments]

    from votes.__main__ import main

    main()
