"""What stands in Redis and goes over its channel: the pointer, values, changes."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from votes.engine.log import Position
from votes.engine.projection import Projections
from votes.engine.read_models import Changes, Partition, world

Written = dict[int, dict[str, dict[str, bytes | None]]]
"""Changed values as they are kept, by partition, model and key; None for one that is no longer."""

encode = msgspec.json.Encoder().encode


class Live(Struct, frozen=True):
    """The pointer: which generation of the models is live, folded from which log, how far.

    The generation stays its first field: a rebuild compares a pointer only that far.
    """

    generation: int
    epoch: str
    position: Position
    mark: str = ""

    @property
    def world(self) -> str:
        return world(self.epoch, self.generation)


class Message(Struct):
    """What is published; without `written` it tells to load the models again."""

    live: Live
    before: Position = 0
    read_at: float | None = None
    written: Written | None = None


decode_live = msgspec.json.Decoder(Live).decode
encode_message = msgspec.msgpack.Encoder().encode
decode_message = msgspec.msgpack.Decoder(Message).decode


class Values:
    """Encodes and decodes the values of the models."""

    def __init__(self, projections: Projections) -> None:
        self._projections = projections
        self._decode = {
            model.name: msgspec.json.Decoder(model.value).decode for model in projections.models
        }

    def decode(self, model: str, kept: Mapping[bytes, bytes]) -> dict[str, Any]:
        """The values of a model's hash by key. Raises `ValueError`."""
        decode = self._decode[model]
        return {key.decode(): decode(value) for key, value in kept.items()}

    def one(self, model: str, kept: bytes | None) -> Any:
        """A value, None where there is none. Raises `ValueError`."""
        return self._decode[model](kept) if kept is not None else None

    def written(self, changes: Changes) -> Written:
        return {
            number: {
                model: {
                    key: encode(value) if value is not None else None
                    for key, value in values.items()
                }
                for model, values in partition.values.items()
            }
            for number, partition in changes.partitions.items()
        }

    def replicated(self, written: Written) -> Written:
        """What each process holds of it."""
        named = self._projections.named
        return {
            number: {model: values for model, values in models.items() if named[model].replicated}
            for number, models in written.items()
        }

    def changes(self, message: Message) -> Changes | None:
        """The changes that a message tells of. Raises `ValueError`."""
        if message.written is None:
            return None
        partitions = {
            number: Partition(
                values={
                    model: {key: self.one(model, value) for key, value in values.items()}
                    for model, values in models.items()
                }
            )
            for number, models in message.written.items()
        }
        live = message.live
        return Changes(
            live.epoch, message.before, live.position, partitions, message.read_at, live.mark
        )
