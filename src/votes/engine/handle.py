"""Handles all the commands of a batch at once: load, decide, append.

A batch takes one call to the store where all its heads are in the cache, or of streams that are
usually empty and taken as such; otherwise two. Where that was wrong, or another process was faster,
the store refuses the commands decided on a stream that moved, and they are decided again on its new
head. A command that reads a stream to
which the batch adds (a vote on a tool just listed) waits until that is stored, and so do all
commands after it.
"""

from collections.abc import Collection, Sequence

from votes.engine.deciding import ENDED, KEY_REUSED, Batch, Decided, Outcome, Request, Result
from votes.engine.heads import NOTHING, Head, Heads
from votes.engine.log import Stream
from votes.engine.ports import EventStore, Unavailable

__all__ = ["ENDED", "KEY_REUSED", "Outcome", "Request", "Result", "handle"]


async def handle(
    store: EventStore, requests: Sequence[Request], heads: Heads | None = None
) -> list[Result | None]:
    """Decide and store a batch; return a result for each request, None for one to try again.

    `heads` caches the heads of the streams.
    """
    heads = Heads(0) if heads is None else heads
    results: list[Result | None] = []
    try:
        while len(results) < len(requests):
            results += await _handle_first(store, requests[len(results) :], heads)
    except Unavailable:
        heads.clear()  # the log may have been restored to an earlier state
        raise
    return results


async def _handle_first(
    store: EventStore, requests: Sequence[Request], heads: Heads
) -> list[Result | None]:
    """Results of the first requests, at least one: of those that one append can store."""
    batch = await _decide(store, requests, heads)
    positions = await store.append(batch.appends) if batch.appends else []
    heads.remember(batch.heads_after(positions))
    results: list[Result | None] = []
    for decided in batch.decided:
        if isinstance(decided, Decided):
            result = decided.result_after(positions)
            if result is None:
                heads.doubt(decided.streams)
            results.append(result)
        else:
            results.append(decided)
    return results


async def _decide(store: EventStore, requests: Sequence[Request], heads: Heads) -> Batch:
    """Decide on cached and guessed heads where the append will refuse what rests on a wrong one.

    No append checks a command without events, so its streams are read, all at one time. Where one
    of them is not as it was taken, all streams of the batch are read and it is decided again.
    """
    command_ids = {r.command_id for r in requests if r.command_id is not None}
    stored = await store.results(command_ids) if command_ids else {}
    commands = [(request, request.streams) for request in requests]
    streams = {stream for _, each in commands for stream in each}
    used = heads.cached(streams)
    used |= heads.guessed(
        {stream for request, each in commands for stream in request.usually_empty(each)}
    )
    read = await read_heads(store, streams - used.keys())
    used |= read
    batch = Batch(commands, used, stored)
    doubted = {
        stream
        for decided in batch.decided
        if isinstance(decided, Decided) and not decided.appends
        if not read.keys() >= set(decided.streams)
        for stream in decided.streams
    }
    current = await read_heads(store, doubted)
    if all(used[stream] == head for stream, head in current.items()):
        return batch
    return Batch(commands, await read_heads(store, streams), stored)


async def read_heads(store: EventStore, streams: Collection[Stream]) -> dict[Stream, Head]:
    """The heads of the streams in the log."""
    if not streams:
        return {}
    last = await store.last_events(streams)
    read = dict.fromkeys(streams, NOTHING)
    for stream, recorded in last.items():
        read[stream] = Head(recorded.event, recorded.version, recorded.position, recorded.at)
    return read
