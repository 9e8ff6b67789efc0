"""Conditions of a command: in which state it may find what it changes (RFC 9110, 13.1.1)."""

from votes.engine.decider import Rejected

AnyOf = tuple[str, ...] | None
"""The tags of the states in which a command may find a thing; `*` stands for all. Without a
tag: only where there is none. None: in whatever state, and where there is none."""

CHANGED = Rejected("changed", "It is not as `If-Match` has it: read it again.")


def matches(any_of: AnyOf, tag: str | None) -> bool:
    """Whether a command may find the state of this tag, None where there is nothing."""
    if any_of is None:
        return True
    if tag is None:
        return not any_of
    return "*" in any_of or tag in any_of
