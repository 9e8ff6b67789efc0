"""Every key in Redis, and every channel. Only here is one spelled.

All begin with the deployment's prefix, so several deployments share a server. The models of
releases that fold alike are one set, and have their signature in every key. A partition's keys
share a hash tag, so one script can change them together, on a cluster too.
"""

from msgspec import Struct
from redis.asyncio import Redis


class Namespace(Struct, frozen=True):
    """A server, and the prefix of a deployment's keys there (`VOTES_REDIS_PREFIX`)."""

    redis: Redis
    prefix: str


class Keys(Struct, frozen=True):
    """The keys of one set of models, and those that the sets of a deployment have in common."""

    prefix: str
    signature: str

    @property
    def generations(self) -> str:
        """Sorted set of `SIGNATURE:GENERATION`: those that were begun and not removed yet."""
        return f"{self.prefix}:generations"

    @property
    def sets(self) -> str:
        """Sorted set of signatures: when a projector last kept the models of each, in seconds."""
        return f"{self.prefix}:sets"

    @property
    def audit(self) -> str:
        """What the last audit found: JSON, see `votes.engine.read_model_store.AuditReport`."""
        return f"{self.prefix}:audit"

    @property
    def live(self) -> str:
        """Which generation of the models is live, and how far: JSON, see `Live`."""
        return f"{self.prefix}:{self.signature}:live"

    @property
    def heartbeat(self) -> str:
        """`GENERATION:TIME`, there while a projector keeps the models of that generation at the
        head of the log; it goes by itself."""
        return f"{self.prefix}:{self.signature}:beat"

    @property
    def channel(self) -> str:
        """Where each announced change is published."""
        return f"{self.prefix}:{self.signature}:changes"

    @property
    def pattern(self) -> str:
        """What all keys of all partitions look like."""
        return f"{self.prefix}:{{p*}}:{self.signature}:*"

    def checkpoint(self, generation: int, partition: int) -> str:
        """`EPOCH:POSITION:COUNTS`: how far the partition is folded, and how many values of each
        model it then holds."""
        return self.values(generation, partition, "checkpoint")

    def values(self, generation: int, partition: int, model: str) -> str:
        """Hash: the values of a model, by key."""
        return f"{self.prefix}:{{p{partition:02}}}:{self.signature}:{generation}:{model}"

    def generation(self, generation: int) -> str:
        """Names it among all generations."""
        return f"{self.signature}:{generation}"


def generation_of(key: str) -> int:
    """The generation that a partition's key belongs to."""
    return int(key.split(":")[3])


def picture(prefix: str, place: int) -> str:
    """A picture after what it shows, see `votes.views.pictures`."""
    return f"{prefix}:picture:{place}"


def queue(prefix: str) -> str:
    """The jobs of arq, whose own keys end in a job's id."""
    return f"{prefix}:queue"


def job(prefix: str, name: str) -> str:
    """What the ids of a job begin with."""
    return f"{prefix}:{name}"
