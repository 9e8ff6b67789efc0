"""Commands to events: load, decide, append — for all the commands of a batch at once.

Two calls to the store serve a whole batch, or one where everything is remembered. Where another
process was faster, the store refuses what was decided on a stream that moved, and that is decided
again on what is there now. A command that reads another stream to which the batch adds (a vote on
a tool just listed) waits until that is stored, and with it all that follow.
"""

from collections.abc import Collection, Sequence

from votes.engine.deciding import KEY_REUSED, Answer, Batch, Decided, Outcome, Request
from votes.engine.heads import NOTHING, Head, Heads
from votes.engine.log import Stream
from votes.engine.ports import EventStore, Unavailable

__all__ = ["KEY_REUSED", "Answer", "Outcome", "Request", "handle"]


async def handle(
    store: EventStore, requests: Sequence[Request], heads: Heads | None = None
) -> list[Answer | None]:
    """Decide and store a batch; an answer for each request, None for one to be tried again.

    What is known of the streams is taken from `heads`, and kept there.
    """
    heads = Heads(0) if heads is None else heads
    answers: list[Answer | None] = []
    try:
        while len(answers) < len(requests):
            answers += await _handle_first(store, requests[len(answers) :], heads)
    except Unavailable:
        heads.clear()  # what comes back may be an older log, restored
        raise
    return answers


async def _handle_first(
    store: EventStore, requests: Sequence[Request], heads: Heads
) -> list[Answer | None]:
    """Answers to the first of the requests, at least one: to those that can be stored at once."""
    batch = await _decide(store, requests, heads)
    positions = await store.append(batch.appends) if batch.appends else []
    heads.remember(batch.standing(positions))
    answers: list[Answer | None] = []
    for decided in batch.decided:
        if isinstance(decided, Decided):
            answer = decided.settled(positions)
            if answer is None:
                heads.forget(decided.streams)
            answers.append(answer)
        else:
            answers.append(decided)
    return answers


async def _decide(store: EventStore, requests: Sequence[Request], heads: Heads) -> Batch:
    """The decisions, on what is remembered as far as the append will tell where that is stale.

    Nothing will tell it of a command that appends nothing. Its streams are read, all at one time;
    where one is not as it was remembered, all of the batch is read and decided again.
    """
    command_ids = {r.command_id for r in requests if r.command_id is not None}
    answers = await store.answers(command_ids) if command_ids else {}
    asked = [(request, request.decider.streams(request.command)) for request in requests]
    streams = {stream for _, each in asked for stream in each}
    known = heads.known(streams)
    read = await _read(store, streams - known.keys())
    known |= read
    batch = Batch(asked, known, answers)
    doubted = {
        stream
        for decided in batch.decided
        if isinstance(decided, Decided) and not decided.appends
        if not read.keys() >= set(decided.streams)
        for stream in decided.streams
    }
    found = await _read(store, doubted)
    if all(known[stream] == head for stream, head in found.items()):
        return batch
    return Batch(asked, await _read(store, streams), answers)


async def _read(store: EventStore, streams: Collection[Stream]) -> dict[Stream, Head]:
    """The heads of the streams as they are in the log."""
    if not streams:
        return {}
    last = await store.last_events(streams)
    read = dict.fromkeys(streams, NOTHING)
    for stream, recorded in last.items():
        read[stream] = Head(recorded.event, recorded.version, recorded.position)
    return read
