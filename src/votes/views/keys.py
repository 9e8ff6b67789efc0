"""Every key of the read models and pictures in Redis. Only here is one spelled.

The models of releases that fold alike are one set, and have their signature in every key. A
partition's keys share a hash tag, so one script can change them together, on a cluster too.
"""

from msgspec import Struct

GENERATIONS = "votes:generations"
"""Sorted set of `SIGNATURE:GENERATION`: those that were begun and not removed yet."""

SETS = "votes:sets"
"""Sorted set of signatures: when a projector last kept the models of each, in seconds."""

AUDIT = "votes:audit"
"""What the last audit found: JSON, see `votes.engine.keeping.AuditReport`."""


def picture(place: int) -> str:
    """The key of a picture and the picture, see `votes.views.pictures`."""
    return f"votes:picture:{place}"


class Keys(Struct, frozen=True):
    """The keys of one set of models."""

    signature: str

    @property
    def live(self) -> str:
        """Which generation of the models is live, and how far: JSON, see `Live`."""
        return f"votes:{self.signature}:live"

    @property
    def beat(self) -> str:
        """`GENERATION:TIME`, there while a projector keeps the models of that generation at the
        head of the log; it goes by itself."""
        return f"votes:{self.signature}:beat"

    @property
    def channel(self) -> str:
        """Where each announced change is published."""
        return f"votes:{self.signature}:changes"

    @property
    def pattern(self) -> str:
        """What all keys of all partitions look like."""
        return f"votes:{{p*}}:{self.signature}:*"

    def checkpoint(self, generation: int, partition: int) -> str:
        """`EPOCH:POSITION:COUNTS`: how far the partition is folded, and how many values of each
        model it then holds."""
        return self.values(generation, partition, "checkpoint")

    def values(self, generation: int, partition: int, model: str) -> str:
        """Hash: the values of a model, by key."""
        return f"votes:{{p{partition:02}}}:{self.signature}:{generation}:{model}"

    def generation(self, generation: int) -> str:
        """Names it among all generations."""
        return f"{self.signature}:{generation}"


def generation_of(key: str) -> int:
    """The generation that a partition's key belongs to."""
    return int(key.split(":")[3])
