"""Every key in Redis: none is spelled anywhere else.

All begin with the deployment's prefix, so several deployments share a server. Releases with the
same projections share one set of read models, with their signature in every key. Keys that a script
changes together share a hash tag, so that it can on a cluster too.
"""

from msgspec import Struct
from redis.asyncio import Redis


class Namespace(Struct, frozen=True):
    """A server, and the prefix of a deployment's keys there (`VOTES_REDIS_PREFIX`)."""

    redis: Redis
    prefix: str


class Keys(Struct, frozen=True):
    """The keys of one set of read models, and those that all sets of a deployment share."""

    prefix: str
    signature: str

    @property
    def generations(self) -> str:
        """Sorted set of `SIGNATURE:GENERATION`: those begun and not removed yet."""
        return f"{self.prefix}:generations"

    @property
    def sets(self) -> str:
        """Sorted set of signatures by the time of their last heartbeat, in seconds."""
        return f"{self.prefix}:sets"

    @property
    def audit(self) -> str:
        """The last audit: JSON, see `votes.engine.read_model_store.AuditReport`."""
        return f"{self.prefix}:audit"

    @property
    def live(self) -> str:
        """The pointer to the live generation: JSON, see `Live`."""
        return f"{self.prefix}:{{{self.signature}}}:live"

    @property
    def changes(self) -> str:
        """Stream: the announcements, see `votes.views.announcements`."""
        return f"{self.prefix}:{{{self.signature}}}:changes"

    @property
    def heartbeat(self) -> str:
        """`GENERATION:TIME`: the projector's heartbeat for that generation; the key expires."""
        return f"{self.prefix}:{{{self.signature}}}:heartbeat"

    @property
    def pattern(self) -> str:
        """The pattern of all keys of all partitions."""
        return f"{self.prefix}:{{p*}}:{self.signature}:*"

    def checkpoint(self, generation: int, partition: int) -> str:
        """`EPOCH:POSITION:COUNTS`: the position up to which the partition is folded, and its number
        of values of each projection."""
        return self.values(generation, partition, "checkpoint")

    def values(self, generation: int, partition: int, projection: str) -> str:
        """Hash: the values of a projection, by key."""
        return f"{self.prefix}:{{p{partition:02}}}:{self.signature}:{generation}:{projection}"

    def generation(self, generation: int) -> str:
        """The member of `generations` for this generation."""
        return f"{self.signature}:{generation}"


def generation_of(key: str) -> int:
    """The generation that a partition's key belongs to."""
    return int(key.split(":")[3])


def picture(prefix: str, place: int) -> str:
    """A stored picture, see `votes.views.pictures`."""
    return f"{prefix}:picture:{place}"


def limit(prefix: str, name: str, who: str) -> str:
    """When all of a limit is back for who is counted there, see `votes.limits`; it then goes. One
    hash tag for all, so one script counts towards many, on a cluster too."""
    return f"{prefix}:{{limits}}:{name}:{who}"


def networks(prefix: str, hour: int) -> str:
    """Hash: in which network each visitor voted last in the hour since 1970, a keyed hash; see
    `votes.limits.networks`. The API may write it and not read it."""
    return f"{prefix}:networks:{hour}"


def waiting_imports(prefix: str) -> str:
    """Sorted set: the imports that wait, by time, see `votes.views.imports`."""
    return f"{prefix}:import:waiting"


def claim_of_imports(prefix: str) -> str:
    """Is there while a process works on the imports."""
    return f"{prefix}:import:claim"


def matched(prefix: str) -> str:
    """The position up to which unmatched pages were compared with the catalogue."""
    return f"{prefix}:import:matched"


def import_of(prefix: str, name: str) -> str:
    """How far an import is: JSON, see `votes.views.imports`."""
    return f"{prefix}:import:{name}:job"


def file_of(prefix: str, name: str) -> str:
    """The file of an import, encrypted with its user's key."""
    return f"{prefix}:import:{name}:file"


def queue(prefix: str) -> str:
    """The queue of arq's jobs."""
    return f"{prefix}:queue"


def job(prefix: str, name: str) -> str:
    """The name of a job, with which its ids begin."""
    return f"{prefix}:{name}"
