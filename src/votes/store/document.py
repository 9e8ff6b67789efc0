"""A batch of appends as the one document that `append_events` takes: see the first migration."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from votes.engine.log import Stream
from votes.engine.ports import Append, Keyed
from votes.store.codec import Codec

Place = tuple[Stream, int]

_encode = msgspec.json.Encoder().encode


def document_of(batch: Sequence[Append], codec: Codec) -> str:
    """The batch as JSON. Its parts are encoded all at once, the events among them."""
    relied: dict[Place, list[int]] = {}
    added: dict[Stream, int] = {}
    events, answers = [], []
    for number, append in enumerate(batch):
        for place in _relied(append, added):
            relied.setdefault(place, []).append(number)
        for event in append.events:
            where = event.stream, event.version + 1, event.subject
            what = *codec.kind(event.event), event.event
            events.append((*where, *what, append.meta, append.at, number))
        if append.keyed is not None:
            answers.append((number, *_answer(append.keyed)))
    places = [(*place, numbers) for place, numbers in relied.items()]
    return _encode({"relied": places, "events": events, "answers": answers}).decode()


def _relied(append: Append, added: dict[Stream, int]) -> Iterator[Place]:
    """Where the log has to stand before the batch for the append to hold in its turn.

    `added` is how many events the batch has added to each stream before; those of this append
    are counted in.
    """
    for stream, version in append.guards.items():
        yield stream, version - added.get(stream, 0)
    keyed = append.keyed
    if keyed is not None and not append.events and keyed.stream in added:
        yield keyed.stream, keyed.version - added[keyed.stream]
    for event in append.events:
        before = added.get(event.stream, 0)
        added[event.stream] = before + 1
        yield event.stream, event.version - before


def _answer(keyed: Keyed) -> tuple[Any, ...]:
    outcome = msgspec.Raw(keyed.outcome.encode())
    return keyed.command_id, keyed.fingerprint, outcome, keyed.stream, keyed.version
