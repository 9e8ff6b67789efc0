"""Commands to events: load, decide, append — for all the commands of a batch at once.

Two calls to the store serve a whole batch, or one where everything is remembered. Where another
process was faster, the store refuses what was decided on a stream that moved, and that is decided
again on what is there now. A command that reads another stream to which the batch adds (a vote on
a tool just listed) waits until that is stored, and with it all that follow.
"""

from collections.abc import Collection, Sequence

from votes.engine.deciding import KEY_REUSED, Answer, Batch, Decided, Outcome, Request
from votes.engine.heads import NOTHING, Head, Heads
from votes.engine.log import Position, Stream
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
    heads.forget(batch.added)  # whatever becomes of the append, they are not what they were
    positions = await store.append(batch.appends) if batch.appends else []
    heads.remember(_stored(batch, positions))
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
    streams = {stream for r in requests for stream in r.decider.streams(r.command)}
    known = heads.known(streams)
    read = await _read(store, streams - known.keys(), heads)
    known |= read
    batch = Batch(requests, known, answers)
    doubted = {
        stream
        for decided in batch.decided
        if isinstance(decided, Decided) and not decided.appends
        if not read.keys() >= set(decided.streams)
        for stream in decided.streams
    }
    found = await _read(store, doubted, heads)
    if all(known[stream] == head for stream, head in found.items()):
        return batch
    return Batch(requests, await _read(store, streams, heads), answers)


async def _read(store: EventStore, streams: Collection[Stream], heads: Heads) -> dict[Stream, Head]:
    """The heads of the streams as they are in the log, remembered from now on."""
    if not streams:
        return {}
    last = await store.last_events(streams)
    read = dict.fromkeys(streams, NOTHING)
    for stream, recorded in last.items():
        read[stream] = Head(recorded.event, recorded.version, recorded.position)
    heads.remember(read)
    return read


def _stored(batch: Batch, positions: Sequence[Position | None]) -> dict[Stream, Head]:
    """The heads of the streams to which the batch has added."""
    stored = {}
    for stream, added in batch.added.items():
        position = added.position(positions)
        if position is not None:
            head = batch.heads[stream]
            stored[stream] = Head(head.event, head.version, position)
    return stored
