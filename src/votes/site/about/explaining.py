"""Pages that explain: how verdicts are made, what this site is, what it stores of its readers, who
leave from there with all of it, or are erased."""

from litestar import get, post
from litestar.response.base import ASGIResponse

from votes.domain import verdict
from votes.domain.verdict import community
from votes.http.checks.identity import COOKIE_MAX_AGE_S, LOGIN, identity, require_user
from votes.http.checks.limiting import Limited
from votes.http.exchange import Http, erase, services
from votes.http.hosts import base
from votes.languages import gettext
from votes.site.forms import read_form
from votes.site.html import PRIVATE, as_text, redirect
from votes.site.reading import answer
from votes.site.render import Head, titled

DAY_S = 24 * 3600
VERDICTS, PRIVACY = "/verdicts", "/privacy"
EXAMPLES = [(8, 0), (9, 0), (9, 1), (14, 1), (60, 40), (66, 34), (126, 126), (5_400, 4_600)]
"""Votes for ship and for skip: on both sides of the lines between the calls."""


@get(VERDICTS)
async def verdicts(request: Http) -> ASGIResponse:
    """The rules, with examples that the rules themselves decide."""
    about = gettext(
        "What the two verdicts on a tool mean, how they are made, and what they do not promise."
    )
    return await answer(
        request,
        "about/verdicts.html",
        Head(titled(gettext("How verdicts are made")), about, VERDICTS, base(request)),
        rules=verdict,
        examples=[(ship, skip, community(ship, skip)) for ship, skip in EXAMPLES],
    )


@get("/about")
async def about(request: Http) -> ASGIResponse:
    """What this site is for, and who says what on it."""
    description = gettext("What this site is for, who says what on it, and how to take part.")
    return await answer(
        request,
        "about/about.html",
        Head(titled(gettext("About")), description, "/about", base(request)),
    )


@get(PRIVACY)
async def privacy(request: Http, erased: str | None = None) -> ASGIResponse:
    """What is stored of a reader, by the settings of this site."""
    description = gettext("What is stored of you, for how long, and how to see it or be forgotten.")
    return await answer(
        request,
        "about/privacy.html",
        Head(titled(gettext("Privacy")), description, PRIVACY, base(request)),
        claims=services(request).config.cohort_claims,
        days=COOKIE_MAX_AGE_S // DAY_S,
        erased=erased is not None,
    )


@post(f"{PRIVACY}/erase", status_code=303, opt=Limited("writes").opt)
async def erase_form(request: Http) -> ASGIResponse:
    """Erase the user, and end the login of these pages; without `sure`, show what follows."""
    user, fields = await require_user(request), await read_form(request)
    if "sure" not in fields:
        head = Head(titled(gettext("Erase me")), "", PRIVACY, base(request), indexed=False)
        return await answer(request, "about/erase.html", head, private=True)
    await erase(request, user.subject)
    gone = as_text(identity(request).cookie(request, LOGIN, "", 0))
    return redirect(f"{PRIVACY}?erased=yes", 303, PRIVATE, gone)


ROUTES = [verdicts, about, privacy, erase_form]
