"""The formats of the pointer and the values in Redis, and of the messages in announcements."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from votes.engine.log import Position
from votes.engine.projection import Projections
from votes.engine.read_models import Changes, Partition, world

Written = dict[int, dict[str, dict[str, bytes | None]]]
"""Encoded changed values by partition, projection and key; None for a removed value."""

encode = msgspec.json.Encoder().encode


class Live(Struct, frozen=True):
    """The pointer: the live generation, the epoch of its log, its position and the checksum there.

    The generation is its first field, because a rebuild compares pointers only that far.
    """

    generation: int
    epoch: str
    position: Position
    checksum: str = ""

    @property
    def world(self) -> str:
        return world(self.epoch, self.generation)


class Message(Struct):
    """A change. Without `written` a projector begins from here: where the world is the same, only
    partitions may be ahead that the last one moved and did not announce."""

    live: Live
    before: Position = 0
    read_at: float | None = None
    written: Written | None = None
    age_s: float = 0.0


def decode_checkpoint(text: bytes | None) -> tuple[str, Position, str]:
    """The epoch, the position and the counts of a partition's checkpoint. Raises `ValueError`."""
    epoch, position, *counts = (text or b"").decode().split(":", 2)
    return epoch, int(position), counts[0] if counts else ""


decode_live = msgspec.json.Decoder(Live).decode
encode_message = msgspec.msgpack.Encoder().encode
decode_message = msgspec.msgpack.Decoder(Message).decode


class Values:
    """Encodes and decodes the values of the projections."""

    def __init__(self, projections: Projections) -> None:
        self._projections = projections
        self._decode = {
            projection.name: msgspec.json.Decoder(projection.value).decode
            for projection in projections.all
        }

    def decode(self, name: str, encoded: Mapping[bytes, bytes]) -> dict[str, Any]:
        """The values of a projection's hash by key. Raises `ValueError`."""
        decode = self._decode[name]
        return {key.decode(): decode(value) for key, value in encoded.items()}

    def one(self, name: str, encoded: bytes | None) -> Any:
        """A value, None where there is none. Raises `ValueError`."""
        return self._decode[name](encoded) if encoded is not None else None

    def written(self, changes: Changes) -> Written:
        return {
            number: {
                name: {
                    key: encode(value) if value is not None else None
                    for key, value in values.items()
                }
                for name, values in partition.values.items()
            }
            for number, partition in changes.partitions.items()
        }

    def replicated(self, written: Written) -> Written:
        """The values of the replicated projections."""
        named = self._projections.named
        return {
            number: {name: values for name, values in partition.items() if named[name].replicated}
            for number, partition in written.items()
        }

    def changes(self, message: Message) -> Changes | None:
        """The changes in a message, None where it has none. Raises `ValueError`."""
        if message.written is None:
            return None
        partitions = {
            number: Partition(
                values={
                    name: {key: self.one(name, value) for key, value in values.items()}
                    for name, values in partition.items()
                }
            )
            for number, partition in message.written.items()
        }
        live = message.live
        return Changes(
            live.epoch,
            message.before,
            live.position,
            partitions,
            message.read_at,
            live.checksum,
            message.age_s,
        )
