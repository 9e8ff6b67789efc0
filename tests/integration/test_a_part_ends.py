"""A process does not go on without a part that is to run as long as it does."""

import asyncio
import signal

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.polling import until
from votes.engine.ports import Unavailable
from votes.running import ends_the_process
from votes.wiring import project

END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'votes projector' AND datname = current_database()
"""


async def waits() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise RuntimeError("a part that died")


async def returns() -> None:
    """As no part that is to run as long as the process."""


ENDS = [
    (fails, ["RuntimeError('a part that died')"]),
    (returns, ["it has returned"]),
    (waits, []),
]


@pytest.mark.parametrize(("part", "said"), ENDS)
async def test_it_ends_when_a_part_has_ended_and_not_when_it_is_stopped(monkeypatch, part, said):
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    task = asyncio.create_task(part(), name="a part")
    task.add_done_callback(ends_the_process)
    await asyncio.sleep(0)
    task.cancel()
    with capture_logs() as logs:
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert raised == [signal.SIGTERM] * len(said)
    assert [line["error"] for line in logs] == said


async def test_a_projector_that_loses_the_lead_ends_with_the_reason(config):
    with capture_logs() as logs:
        projecting = asyncio.create_task(project(config))
        await until(lambda: "projecting" in [line["event"] for line in logs], "the lead")
    connection = await asyncpg.connect(config.migration_url)
    await connection.execute(END)
    await connection.close()
    with pytest.raises(Unavailable, match="the lead of the projectors is lost"):
        await projecting
