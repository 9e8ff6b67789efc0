"""The deadlines of requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from votes.engine.ports import Unavailable
from votes.store.postgres import READS, WRITES

WRITE_S = 5.0
READ_S = 5.0
"""For reads of the log."""
OPTIONAL_S = 1.0
"""For all optional parts of a page together."""
STATUS_S = 0.8
"""So that a health check has a response within a second."""
assert max(WRITES.longest_s, READS.longest_s) < min(WRITE_S, READ_S)  # Postgres gives up first


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Cancel the body of the context after so long, and raise `Unavailable`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"no answer within {seconds} s") from error
