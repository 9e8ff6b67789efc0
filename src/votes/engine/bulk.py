"""Submits many commands in order, for imports: batch after batch."""

from collections.abc import Sequence

from votes.engine.batcher import ATTEMPTS_MAX, BATCH_COMMANDS_MAX, CONTENDED
from votes.engine.handle import Request, Result, handle
from votes.engine.ports import EventStore


async def submit_all(store: EventStore, requests: Sequence[Request]) -> list[Result]:
    """Return a result for each request.

    Raises `Unavailable`: the batches before the failed one are stored.
    """
    results: list[Result] = []
    for start in range(0, len(requests), BATCH_COMMANDS_MAX):
        results += await _settle(store, requests[start : start + BATCH_COMMANDS_MAX])
    return results


async def _settle(store: EventStore, batch: Sequence[Request]) -> list[Result]:
    results: list[Result | None] = [None] * len(batch)
    for _ in range(ATTEMPTS_MAX):
        pending = [number for number, result in enumerate(results) if result is None]
        if not pending:
            break
        handled = await handle(store, [batch[number] for number in pending])
        for number, result in zip(pending, handled, strict=True):
            results[number] = result
    return [CONTENDED if result is None else result for result in results]
