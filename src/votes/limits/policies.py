"""What is limited: which requests count towards which limit, and by whom they are counted."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from votes.config import Limits, Rate, limit_setting

By = Literal["visitor", "user", "network", "tool", "proof"]
"""By what requests are counted together. A network is an IPv4 address or an IPv6 /64."""
Counted = Literal[
    "votes", "visitors", "unproven", "proofs", "writes", "reads", "streams", "imports", "mails"
]
"""Votes cast and taken back; visitors made, by a vote too; votes of new visitors without a proof of
work; proofs of work; other writes; reads that take long; streams opened; files of
bookmarks; sign-ups for the weekly mail."""

MICROSECONDS = 1_000_000
UNHEARD_PART = 400
"""A process lets this part of a limit through before Redis hears of it."""


class Policy(Struct, frozen=True):
    """A limit, but for how many: that is the field of `Limits`.

    A `soft` one refuses nothing: who asks is told that it is exceeded.
    """

    field: str
    counted: Counted
    by: By
    soft: bool = False

    @property
    def name(self) -> str:
        """In responses and keys."""
        return self.field.replace("_", "-")

    @property
    def setting(self) -> str:
        return limit_setting(self.field)


POLICIES = (
    Policy("votes_by_visitor", "votes", "visitor"),
    Policy("votes_by_user", "votes", "user"),
    Policy("votes_by_network", "votes", "network"),
    Policy("votes_by_tool", "votes", "tool"),
    Policy("visitors_by_network", "visitors", "network"),
    Policy("unproven_visitors_by_network", "visitors", "network", soft=True),
    Policy("unproven_votes_by_tool", "unproven", "tool", soft=True),
    Policy("writes_by_user", "writes", "user"),
    Policy("reads_by_network", "reads", "network"),
    Policy("streams_by_network", "streams", "network"),
    Policy("imports_by_user", "imports", "user"),
    Policy("mails_by_network", "mails", "network"),
)


class Limit(Struct, frozen=True):
    """A policy with its rate, as the script takes it."""

    policy: Policy
    rate: Rate
    name: str
    by: By
    soft: bool
    interval_us: int
    """In which one is given back."""
    burst_us: int
    """In which all of it is."""
    unheard_max: int
    """How many requests a process lets through before Redis hears of them."""
    described: bytes
    """As `RateLimit-Policy` says it."""

    @classmethod
    def of(cls, policy: Policy, rate: Rate) -> "Limit":
        interval_us = round(rate.window_s * MICROSECONDS / rate.quantity)
        described = f'"{policy.name}";q={rate.quantity};w={rate.window_s}'.encode()
        burst_us = interval_us * rate.quantity
        return cls(
            policy,
            rate,
            policy.name,
            policy.by,
            policy.soft,
            interval_us,
            burst_us,
            rate.quantity // UNHEARD_PART,
            described,
        )


def limits_by_what_counts(limits: Limits) -> Mapping[Counted, tuple[Limit, ...]]:
    """The limits that are on."""
    by_counted: dict[Counted, tuple[Limit, ...]] = {policy.counted: () for policy in POLICIES}
    for policy in POLICIES:
        rate: Rate | None = getattr(limits, policy.field)
        if rate is not None:
            by_counted[policy.counted] += (Limit.of(policy, rate),)
    return by_counted
