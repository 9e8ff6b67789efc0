"""Pages that explain: how verdicts are made."""

from litestar import get
from litestar.response.base import ASGIResponse

from votes.domain import verdict
from votes.domain.verdict import community
from votes.http.exchange import Http
from votes.http.hosts import base
from votes.site.reading import answer
from votes.site.render import SITE_NAME, Head

VERDICTS = "/verdicts"
EXAMPLES = [(8, 0), (9, 0), (9, 1), (14, 1), (60, 40), (66, 34), (126, 126), (5_400, 4_600)]
"""Votes for ship and for skip: on both sides of the lines between the calls."""


@get(VERDICTS)
async def verdicts(request: Http) -> ASGIResponse:
    """The rules, with examples that the rules themselves decide."""
    about = "What the two verdicts on a tool mean, how they are made, and what they do not promise."
    return await answer(
        request,
        "verdicts.html",
        Head(f"How verdicts are made · {SITE_NAME}", about, VERDICTS, base(request)),
        rules=verdict,
        examples=[(ship, skip, community(ship, skip)) for ship, skip in EXAMPLES],
    )


ROUTES = [verdicts]
