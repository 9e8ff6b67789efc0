"""Processor time by part: what is spent for a vote is spent in several processes."""

import os

import psutil

Spent = dict[str, float]
"""Seconds of processor, user and system, by part."""


def spent(**roots: int) -> Spent:
    """Of each named process with all below it, and of the servers that this process started."""
    found = {name: with_children(pid) for name, pid in roots.items()}
    taken = set(roots.values())
    for child in psutil.Process(os.getpid()).children():
        if child.pid not in taken and (name := _server(child)):
            found[name] = found.get(name, 0.0) + with_children(child.pid)
    return found


def _server(process: psutil.Process) -> str | None:
    names = {each.name() for each in [process, *process.children()]}
    return next((name for name in ("postgres", "valkey-server") if name in names), None)


def with_children(pid: int) -> float:
    """A child that has ended counts in its parent."""
    top = psutil.Process(pid)
    total = 0.0
    for process in [top, *top.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def per_event_us(before: Spent, after: Spent, events: float) -> Spent:
    """Microseconds of processor an event, by part."""
    return {name: (after[name] - before[name]) / events * 1e6 for name in after}
