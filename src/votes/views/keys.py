"""Every key of the read models and pictures in Redis. Only here is one spelled.

A partition's keys share a hash tag, so one script can change them together, on a cluster too.
"""

LIVE = "votes:live"
"""Which generation of the models is live, and how far: JSON, see `Live`."""

BEAT = "votes:beat"
"""There while a projector keeps the models at the head of the log; it goes by itself."""

PARTITIONS = "votes:{p*}:*"
"""What all keys of all partitions look like."""

GENERATIONS = "votes:generations"
"""Sorted set: the generations that were begun and not removed yet."""

AUDIT = "votes:audit"
"""What the last audit found: JSON, see `votes.app.ports.AuditReport`."""

CHANNEL = "votes:changes"
"""Where each announced change is published."""


def picture(place: int) -> str:
    """The key of a picture and the picture, see `votes.views.pictures`."""
    return f"votes:picture:{place}"


def checkpoint(generation: int, partition: int) -> str:
    """`EPOCH:POSITION:COUNTS`: how far the partition is folded, and how many tallies, profiles and
    parked events it then holds."""
    return f"votes:{{p{partition:02}}}:{generation}:checkpoint"


def tallies(generation: int, partition: int) -> str:
    """Hash: tool to tally."""
    return f"votes:{{p{partition:02}}}:{generation}:tallies"


def profiles(generation: int, partition: int) -> str:
    """Hash: tool to catalogue entry and panel reviews."""
    return f"votes:{{p{partition:02}}}:{generation}:profiles"


def parked(generation: int, partition: int) -> str:
    """Hash: position to what is known of an event that was left out, see `Parked`."""
    return f"votes:{{p{partition:02}}}:{generation}:parked"


def generation_of(key: str) -> int:
    """The generation that a partition's key belongs to."""
    return int(key.split(":")[2])


def of_partition(generation: int, partition: int) -> tuple[str, str, str, str]:
    return (
        checkpoint(generation, partition),
        tallies(generation, partition),
        profiles(generation, partition),
        parked(generation, partition),
    )
