"""Batches of appends as the documents that `append_events` and `append_whole` take: see the first
migration."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from votes.engine.log import Stream
from votes.engine.ports import Append, KeyedResult, Whole
from votes.store.codec import Codec

Place = tuple[Stream, int]

_encode = msgspec.json.Encoder().encode


def document_of(batch: Sequence[Append], codec: Codec) -> str:
    """The batch as JSON, encoded in one go together with its events."""
    relied: dict[Place, list[int]] = {}
    added: dict[Stream, int] = {}
    events, results = [], []
    for number, append in enumerate(batch):
        for required in _relied(append, added):
            relied.setdefault(required, []).append(number)
        for event in append.events:
            place = event.stream, event.version + 1, event.subject
            content = *codec.kind(event.event), event.event
            events.append((*place, *content, append.meta, event.at or append.at, number))
        if append.keyed is not None:
            results.append((number, *_result(append.keyed)))
    places = [(*place, numbers) for place, numbers in relied.items()]
    return _encode({"relied": places, "events": events, "results": results}).decode()


def document_of_whole(whole: Whole, codec: Codec) -> str:
    """It as JSON for `append_whole`, encoded in one go together with its events."""
    events, results = [], []
    for part in whole.parts:
        keyed = part.command_id, msgspec.Raw(part.outcome.encode())
        if part.event is None:
            results.append((*keyed, part.stream, part.version))
        else:
            place = part.stream, part.version + 1, part.subject
            events.append((*place, *codec.kind(part.event), part.event, part.at, *keyed))
    relied = list(whole.guards.items())
    return _encode(
        {"relied": relied, "meta": whole.meta, "events": events, "results": results}
    ).decode()


def _relied(append: Append, added: dict[Stream, int]) -> Iterator[Place]:
    """The versions that streams must have before the batch for the append to be valid.

    `added` counts the events that the batch has added to each stream so far; those of this append
    are added to it.
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


def _result(keyed: KeyedResult) -> tuple[Any, ...]:
    outcome = msgspec.Raw(keyed.outcome.encode())
    return keyed.command_id, keyed.fingerprint, outcome, keyed.stream, keyed.version
