"""How long a request may take, whatever hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from votes.engine.ports import Unavailable
from votes.store.postgres import READS, WRITES

WRITE_S = 5.0
READ_S = 5.0
"""For what a reader asked for and only the log knows."""
OPTIONAL_S = 1.0
"""For parts of a page that it can do without, all at the same time."""
STATUS_S = 0.8
"""So that whoever asks how things are has heard within a second."""
assert max(WRITES.longest_s, READS.longest_s) < min(WRITE_S, READ_S)  # Postgres's own word is first


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Give up what is inside after so long: raises `Unavailable`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"no answer within {seconds} s") from error
