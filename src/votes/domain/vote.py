"""Votes: one current choice for each voter and tool. Never a toggle."""

from collections.abc import Sequence
from typing import assert_never, get_args

from msgspec import Struct

from votes.domain import tool as tools
from votes.domain.terms import Choice, ToolId, VoterId
from votes.domain.tool import ToolEvent
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Stream


def stream(voter: VoterId, tool: ToolId) -> Stream:
    return Stream(f"{prefix(voter)}{tool}")


def prefix(voter: VoterId) -> str:
    """What the streams of all votes of a voter, and of no other, begin with.

    A voter's name may hold a colon, so its length stands before it.
    """
    return f"vote:{len(voter)}:{voter}:"


class VoteCast(Struct, frozen=True, gc=False, omit_defaults=True):
    """`previous` is the choice that this one replaces, so a tally needs no memory of voters.

    Who voted is in the stream's name, and on what is the event's subject: both are said once.
    """

    choice: Choice
    previous: Choice | None = None


class VoteRetracted(Struct, frozen=True, gc=False):
    previous: Choice


VoteEvent = VoteCast | VoteRetracted
VOTE_EVENTS = get_args(VoteEvent)


class Vote(Struct, frozen=True, gc=False):
    """`listed` is whether the tool can be voted on; `choice` is the voter's, None without one."""

    listed: bool = False
    choice: Choice | None = None


def evolve(state: Vote, event: VoteEvent | ToolEvent) -> Vote:
    match event:
        case VoteCast(choice=choice):
            return Vote(state.listed, choice)
        case VoteRetracted():
            return Vote(state.listed, None)
        case _:
            return Vote(tools.is_listed(event), state.choice)


class CastVote(Struct, frozen=True, gc=False):
    tool: ToolId
    voter: VoterId
    choice: Choice


class RetractVote(Struct, frozen=True, gc=False):
    tool: ToolId
    voter: VoterId


VoteCommand = CastVote | RetractVote


def decide(command: VoteCommand, state: Vote) -> Sequence[VoteEvent] | Rejected:
    if not state.listed:
        return tools.UNKNOWN
    match command:
        case CastVote(choice=choice):
            return [] if choice == state.choice else [VoteCast(choice, previous=state.choice)]
        case RetractVote():
            return [] if state.choice is None else [VoteRetracted(previous=state.choice)]
    assert_never(command)


decider: Decider[VoteCommand, Vote] = Decider(
    initial=Vote(),
    streams=lambda command: (
        stream(command.voter, command.tool),
        tools.stream(command.tool),
    ),
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
    owned=True,
)
