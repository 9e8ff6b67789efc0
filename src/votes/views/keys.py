"""Every key of the read models in Redis. This is the only place where one is spelled.

A partition's keys share a hash tag, so one script can change them together, on a cluster too.
"""

LIVE = "votes:live"
"""Which version of the models is live, and how far: JSON, see `Live`."""

VERSIONS = "votes:versions"
"""The last version that was begun."""

AUDIT = "votes:audit"
"""What the last audit found: JSON, see `votes.app.ports.AuditReport`."""

CHANNEL = "votes:changes"
"""Where each announced change is published."""


def checkpoint(version: int, partition: int) -> str:
    """`EPOCH:POSITION` up to which the partition is folded."""
    return f"votes:{{p{partition:02}}}:{version}:checkpoint"


def tallies(version: int, partition: int) -> str:
    """Hash: tool to tally."""
    return f"votes:{{p{partition:02}}}:{version}:tallies"


def profiles(version: int, partition: int) -> str:
    """Hash: tool to catalogue entry and panel reviews."""
    return f"votes:{{p{partition:02}}}:{version}:profiles"


def parked(version: int, partition: int) -> str:
    """Hash: position to type and schema of an event that no release so far could read."""
    return f"votes:{{p{partition:02}}}:{version}:parked"


def of_partition(version: int, partition: int) -> tuple[str, str, str, str]:
    return (
        checkpoint(version, partition),
        tallies(version, partition),
        profiles(version, partition),
        parked(version, partition),
    )
