"""The lead: one database session at a time projects, and is notified of each append."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from votes.store.postgres import APPLICATION_ROLE, CONNECT_TIMEOUT_S, translated
from votes.store.queries import QUERIES

CHANNEL = "votes_log"


@asynccontextmanager
async def leading(url: str, signature: str) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Wait for the lead of the read models of this signature.

    Yields an event that is set at each append, and one that is set when the lead is lost.
    """
    async with translated():
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={
                "role": APPLICATION_ROLE,
                "application_name": "votes projector",
                "lock_timeout": "0",  # a standby waits for as long as the leader lives
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
            },
        )
        appended, lost = asyncio.Event(), asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.fetchval(QUERIES["lead"], signature, timeout=None)
            await connection.add_listener(CHANNEL, lambda *_: appended.set())
            yield appended, lost
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)
