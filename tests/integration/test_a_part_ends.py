"""A process does not go on without a part that is to run as long as it does."""

import asyncio
import signal

import pytest

from votes.wiring import ends_the_process


async def waits() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise RuntimeError("a part that died")


@pytest.mark.parametrize(("part", "ended"), [(fails, True), (waits, False)])
async def test_it_ends_when_a_part_has_died_and_not_when_it_is_stopped(monkeypatch, part, ended):
    raised = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    task = asyncio.create_task(part(), name="a part")
    task.add_done_callback(ends_the_process)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert raised == [signal.SIGTERM] * ended
