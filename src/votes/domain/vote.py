"""Votes: one current choice for each voter and tool. Never a toggle."""

from collections.abc import Sequence
from typing import Any, assert_never

from msgspec import Struct

from votes.domain import tool as tools
from votes.domain.terms import Choice, ToolSlug, VoterId
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Stream


def stream(tool: ToolSlug, voter: VoterId) -> Stream:
    return Stream(f"vote:{tool}:{voter}")


class VoteCast(Struct, frozen=True, gc=False):
    """`previous` is the choice that this one replaces, so a tally needs no memory of voters."""

    tool: ToolSlug
    voter: VoterId
    choice: Choice
    previous: Choice | None = None


class VoteRetracted(Struct, frozen=True, gc=False):
    tool: ToolSlug
    voter: VoterId
    previous: Choice


class Vote(Struct, frozen=True, gc=False):
    """`listed` is whether the tool can be voted on; `choice` is the voter's, None without one."""

    listed: bool = False
    choice: Choice | None = None


def evolve(state: Vote, event: Any) -> Vote:
    match event:
        case VoteCast(choice=choice):
            return Vote(state.listed, choice)
        case VoteRetracted():
            return Vote(state.listed, None)
        case tools.ToolListed() | tools.ToolRevised():
            return Vote(True, state.choice)
        case tools.ToolDelisted():
            return Vote(False, state.choice)
        case _:
            return state


class CastVote(Struct, frozen=True, gc=False):
    tool: ToolSlug
    voter: VoterId
    choice: Choice


class RetractVote(Struct, frozen=True, gc=False):
    tool: ToolSlug
    voter: VoterId


VoteCommand = CastVote | RetractVote


def decide(command: VoteCommand, state: Vote) -> Sequence[Any] | Rejected:
    if not state.listed:
        return tools.unknown(command.tool)
    match command:
        case CastVote(tool, voter, choice):
            if choice == state.choice:
                return []
            return [VoteCast(tool, voter, choice, previous=state.choice)]
        case RetractVote(tool, voter):
            if state.choice is None:
                return []
            return [VoteRetracted(tool, voter, previous=state.choice)]
    assert_never(command)


decider: Decider[VoteCommand, Vote] = Decider(
    initial=Vote(),
    streams=lambda command: (
        stream(command.tool, command.voter),
        tools.stream(command.tool),
    ),
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
)
