"""Who projects, and when: one session at a time leads, and hears of each append."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from votes.store.postgres import APPLICATION_ROLE, CONNECT_TIMEOUT_S, translated
from votes.store.queries import QUERIES

CHANNEL = "votes_log"


@asynccontextmanager
async def leading(url: str, signature: str) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Wait to become the leader of the models of this signature; answers the doorbell, and an event
    set when the lead is lost."""
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
        bell, lost = asyncio.Event(), asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.fetchval(QUERIES["lead"], signature, timeout=None)
            await connection.add_listener(CHANNEL, lambda *_: bell.set())
            yield bell, lost
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)
