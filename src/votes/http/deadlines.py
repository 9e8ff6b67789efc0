"""The deadlines of requests."""

import asyncio
from typing import Any

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


class _Within(asyncio.Timeout):  # type: ignore[misc] # a generator took twice as long
    async def __aexit__(self, *raised: Any) -> None:
        try:
            await super().__aexit__(*raised)
        except TimeoutError as error:
            raise Unavailable("no answer in time") from error


def within(seconds: float) -> asyncio.Timeout:
    """Cancel the body of the context after so long, and raise `Unavailable`."""
    return _Within(asyncio.get_running_loop().time() + seconds)
