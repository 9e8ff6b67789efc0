"""The lead: one process at a time projects a set of read models, and is notified of each append.

The lead is taken for some seconds and taken again before they are over. So a leader that died or
hangs is followed by another, and a leader that is late goes on if nobody followed it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Never
from uuid import UUID, uuid4

import asyncpg

from votes.engine.ports import Unavailable
from votes.store.connections import CONNECT_TIMEOUT_S, PROJECTOR_ROLE, translated
from votes.store.queries import QUERIES

CHANNEL = "votes_log"
LEAD_S = 3.0
"""How long the lead lasts. It is about as long as a worker takes to start."""
RENEWAL_S = 0.5
assert LEAD_S > 2 * RENEWAL_S


@asynccontextmanager
async def leading(url: str, signature: str) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Wait for the lead of the read models of this signature.

    Yields an event that is set at each append, and one that is set when the lead is lost.
    """
    async with translated():
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=LEAD_S,
            server_settings={
                "role": PROJECTOR_ROLE,
                "application_name": "votes projector",
                "synchronous_commit": "off",  # who leads need not outlive a crash of Postgres
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
            },
        )
        lead = _Lead(connection, signature, uuid4())
        appended, lost = asyncio.Event(), asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await lead.wait()
            await connection.add_listener(CHANNEL, lambda *_: appended.set())
            keeping = asyncio.create_task(lead.keep(lost))
            try:
                yield appended, lost
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
                with suppress(TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await lead.take(timedelta())
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)


class _Lead:
    def __init__(self, connection: asyncpg.Connection, signature: str, process: UUID) -> None:
        self._connection, self._signature, self._process = connection, signature, process

    async def take(self, lasting: timedelta = timedelta(seconds=LEAD_S)) -> bool:
        """Whether the lead is ours now, for so long."""
        arguments = self._signature, self._process, lasting
        return bool(await self._connection.fetchval(QUERIES["take_lead"], *arguments))

    async def wait(self) -> None:
        ours = await self.take()
        while not ours:
            await asyncio.sleep(RENEWAL_S)
            ours = await self.take()

    async def keep(self, lost: asyncio.Event) -> None:
        """Take it again and again; sets `lost` when that fails."""
        ours = True
        try:
            while ours:
                await asyncio.sleep(RENEWAL_S)
                ours = await self.take()
        finally:
            lost.set()


async def until_lost(lost: asyncio.Event) -> Never:
    """Raises `Unavailable` once the lead is lost."""
    await lost.wait()
    raise Unavailable("Postgres: the lead of the projectors is lost, to another worker or with it")
