"""Many commands in order, for imports: batch after batch, each as one call."""

from collections.abc import Sequence

from votes.engine.batcher import ATTEMPTS_MAX, BATCH_COMMANDS_MAX, CONTENDED
from votes.engine.handle import Answer, Request, handle
from votes.engine.ports import EventStore


async def submit_all(store: EventStore, requests: Sequence[Request]) -> list[Answer]:
    """An answer for each request. Raises `Unavailable`; what came before is stored then."""
    answers: list[Answer] = []
    for start in range(0, len(requests), BATCH_COMMANDS_MAX):
        answers += await _settle(store, requests[start : start + BATCH_COMMANDS_MAX])
    return answers


async def _settle(store: EventStore, batch: Sequence[Request]) -> list[Answer]:
    answers: list[Answer | None] = [None] * len(batch)
    for _ in range(ATTEMPTS_MAX):
        open_ = [number for number, answer in enumerate(answers) if answer is None]
        if not open_:
            break
        found = await handle(store, [batch[number] for number in open_])
        for number, answer in zip(open_, found, strict=True):
            answers[number] = answer
    return [CONTENDED if answer is None else answer for answer in answers]
