"""Releases of the program with read models of their own, to run as processes.

    python -m tests.faults.upgrades.releases RELEASE api --port PORT
    python -m tests.faults.upgrades.releases RELEASE worker|verify|rebuild|...

But for its list of read models, and a route that shows the one that is new, each is the program.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from votes import projections
from votes.domain.events import EVENT_TYPES
from votes.domain.vote_events import VOTE_EVENTS, VoteCast
from votes.engine.log import Position, Recorded
from votes.engine.projection import PARKED, Projection, Projections
from votes.projections.tallies import TALLIES

RELEASE = "RELEASE_OF_THE_TESTS"
"""The variable that tells the processes of the HTTP server which release they are."""


class Count(Struct, frozen=True):
    """So many votes were cast or taken back; `position` is the last of them."""

    number: int
    position: Position


def _one_more(count: Count | None, recorded: Recorded, *_: object) -> Count:
    return Count((count.number if count else 0) + 1, recorded.position)


def _subject(recorded: Recorded) -> tuple[str]:
    return (recorded.subject,)


MOVES = Projection("counts", Count, on=dict.fromkeys(VOTE_EVENTS, _subject), evolve=_one_more)
"""How often each tool was voted on or a vote on it taken back."""
CASTS = Projection("counts", Count, on={VoteCast: _subject}, evolve=_one_more, version=2)
"""How often it was voted on."""

SHIPPED = [model for model in projections.PROJECTIONS.all if model is not PARKED]
RAISED = [
    replace(model, version=model.version + 1) if model is TALLIES else model for model in SHIPPED
]
RELEASES: dict[str, Sequence[Projection[Any]]] = {
    "with a new model": [*SHIPPED, MOVES],
    "with raised versions": [*RAISED, CASTS],
}


def become(name: str) -> None:
    """Be that release from now on: before what uses the read models is imported."""
    if projections.PROJECTIONS.release == name:
        return  # as the process from which this one was forked
    assert "votes.wiring" not in sys.modules
    models = RELEASES[name]
    heard = {kind for model in models for kind in model.on}
    ignored = [kind for kind in EVENT_TYPES if kind not in heard]
    os.environ[RELEASE] = name
    projections.PROJECTIONS = Projections(models, EVENT_TYPES, ignored, name)


def application() -> Any:
    """What the HTTP server calls in each of its processes."""
    become(os.environ[RELEASE])
    from tests.faults.upgrades.counts import counts
    from votes import server
    from votes.api.application import HANDLERS

    HANDLERS.append(counts)
    return server.from_environment()


def run(name: str, command: str, *arguments: str) -> None:
    """What `votes COMMAND ARGUMENTS` is in that release."""
    become(name)
    if command == "api":
        from votes.cli.serve import serve

        serve(f"{__spec__.name}:application", "127.0.0.1", int(arguments[-1]), factory=True)
    elif command == "worker":
        from workers.__main__ import main as work

        work()
    else:
        from votes.cli import main

        sys.argv[1:] = [command, *arguments]
        main()


if __name__ == "__main__":
    run(*sys.argv[1:])
