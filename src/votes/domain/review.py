"""Panel reviews: each persona has at most one on a tool, scored 0 to 100."""

from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from votes.domain import tool as tools
from votes.domain.terms import (
    Choice,
    PersonaSlug,
    ReviewBody,
    Score,
    ToolId,
    checked_slug,
)
from votes.domain.tool import ToolEvent
from votes.engine.decider import Decider, Rejected
from votes.engine.log import Stream


class Opinion(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a reviewer says."""

    score: Score
    choice: Choice
    body: ReviewBody = ""


SHIP_SCORE_MIN = 30
SKIP_SCORE_MAX = 70
"""A score below the one is odd beside ship, one above the other beside skip."""


def contradicts(opinion: Opinion) -> bool:
    """Whether the score says the opposite of the choice, so that one of them may be a slip."""
    match opinion.choice:
        case "ship":
            return opinion.score < SHIP_SCORE_MIN
        case "skip":
            return opinion.score > SKIP_SCORE_MAX
    assert_never(opinion.choice)


PREFIX = "review:"
"""Of the streams of all reviews, and of no other."""


def stream(tool: ToolId, persona: PersonaSlug) -> Stream:
    return Stream(f"{PREFIX}{tool}:{persona}")


def persona_of(stream: Stream) -> PersonaSlug:
    """The persona of a review's stream. Raises `ValueError` for another stream."""
    kind, _, rest = stream.partition(":")
    _, _, persona = rest.partition(":")
    if kind != "review":
        raise ValueError("not the stream of a review")
    return checked_slug(persona)


class ReviewPublished(Struct, frozen=True):
    opinion: Opinion


class ReviewRevised(Struct, frozen=True):
    opinion: Opinion


class ReviewWithdrawn(Struct, frozen=True): ...


ReviewEvent = ReviewPublished | ReviewRevised | ReviewWithdrawn


class Review(Struct, frozen=True):
    """`opinion` is None where there is no review."""

    listed: bool = False
    opinion: Opinion | None = None


def evolve(state: Review, event: ReviewEvent | ToolEvent) -> Review:
    match event:
        case ReviewPublished(opinion=opinion) | ReviewRevised(opinion=opinion):
            return Review(state.listed, opinion)
        case ReviewWithdrawn():
            return Review(state.listed, None)
        case _:
            return Review(tools.is_listed(event), state.opinion)


class PublishReview(Struct, frozen=True):
    """Publish the review, or revise the existing one."""

    tool: ToolId
    persona: PersonaSlug
    opinion: Opinion


class WithdrawReview(Struct, frozen=True):
    tool: ToolId
    persona: PersonaSlug


ReviewCommand = PublishReview | WithdrawReview


def decide(command: ReviewCommand, state: Review) -> Sequence[ReviewEvent] | Rejected:
    if not state.listed:
        return tools.UNKNOWN
    match command:
        case PublishReview(opinion=opinion):
            if state.opinion is None:
                return [ReviewPublished(opinion)]
            return [] if opinion == state.opinion else [ReviewRevised(opinion)]
        case WithdrawReview():
            return [] if state.opinion is None else [ReviewWithdrawn()]
    assert_never(command)


decider: Decider[ReviewCommand, Review] = Decider(
    initial=Review(),
    streams=lambda command: (
        stream(command.tool, command.persona),
        tools.stream(command.tool),
    ),
    subject=lambda command: command.tool,
    evolve=evolve,
    decide=decide,
)
