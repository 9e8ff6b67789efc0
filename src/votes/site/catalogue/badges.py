"""Badges: a verdict on a tool as a picture, for the sites of those who make it."""

from typing import Literal
from urllib.parse import quote

from litestar import get
from litestar.response.base import ASGIResponse
from markupsafe import Markup

from votes.app.catalogue.responses import SummaryView, summary
from votes.http.checks.limiting import Limited
from votes.http.etags import tagged
from votes.http.exchange import Http
from votes.http.hosts import base
from votes.http.parameters import MinPosition
from votes.languages import gettext, marked
from votes.site import words
from votes.site.catalogue.finding import tool_at
from votes.site.reading import answer, read_at
from votes.site.render import SITE_NAME, Head, environment, query, titled
from votes.site.verdicts import community_verdict, look

Theme = Literal["light", "dark"]
By = Literal["community", "panel"]
"""Whose verdict it is."""
_NAMES: dict[By, str] = {"community": marked("Community"), "panel": marked("Panel")}
WIDTH, HEIGHT, HEIGHT_WITH_COUNTS = 240, 56, 76
"""In pixels: the same for every verdict, so a page around it never jumps."""
# It is asked for by each reader of a vendor's page, and may be minutes behind.
_HEADERS = (
    ("cache-control", "public, max-age=300, stale-while-revalidate=3600"),
    ("vary", "Accept-Encoding"),
    ("access-control-allow-origin", "*"),
)


@get("/tools/{slug:str}/badge.svg", opt=Limited("reads").opt)
async def badge_svg(
    request: Http,
    slug: str,
    by: By = "community",
    theme: Theme = "light",
    counts: Literal["yes", "no"] = "yes",
    min_position: MinPosition = 0,
) -> ASGIResponse:
    """The verdict on light or dark, with or without the votes or the scores that it rests on."""
    source, _ = await read_at(request, min_position)
    shown = summary(source, await tool_at(request, source, slug))
    text = (
        environment()
        .get_template("catalogue/badge.svg")
        .render(
            title=_title(shown, by),
            by=_NAMES[by],
            verdict=look(
                shown.panel.verdict if by == "panel" else community_verdict(shown.community)
            ),
            rests_on=_rests_on(shown, by),
            theme=theme,
            counts=counts == "yes",
            width=WIDTH,
            height=HEIGHT_WITH_COUNTS if counts == "yes" else HEIGHT,
        )
    )
    return tagged(request, text.encode(), "image/svg+xml", _HEADERS)


def _title(shown: SummaryView, by: By) -> str:
    """What a screen reader says of the badge, and what stands there without pictures."""
    line = words.community_line(shown.community)
    return f"{_name(shown)}: {words.panel_line(shown.panel) if by == 'panel' else line}"


def _rests_on(shown: SummaryView, by: By) -> str:
    if by == "panel":
        return words.scores(shown.panel) or gettext("Not reviewed yet")
    if not shown.community.total:
        return gettext("Be the first to vote")
    return words.community_votes(shown.community)


def _name(shown: SummaryView) -> str:
    return gettext("%(name)s on %(site)s", name=shown.name, site=SITE_NAME)


@get("/tools/{slug:str}/badge")
async def badge(
    request: Http, slug: str, by: By = "community", min_position: MinPosition = 0
) -> ASGIResponse:
    """The badge as it looks, and what to put into a page to show it there."""
    source, waiting = await read_at(request, min_position)
    shown = summary(source, await tool_at(request, source, slug))
    at, path = base(request), f"/tools/{quote(shown.slug)}"
    head = Head(
        titled(gettext("A badge for %(name)s", name=shown.name)),
        gettext("Show on your own page what the community or the panel says of a tool."),
        f"{path}/badge",
        at,
        section="tools",
        indexed=False,
    )
    plain, dark = (
        f"{at}{path}/badge.svg{query(by=by if by == 'panel' else None, theme=theme)}"
        for theme in (None, "dark")
    )
    alt = _name(shown)
    html = Markup(
        '<a href="{tool}"><picture>'
        '<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        '<img src="{plain}" width="{width}" height="{height}" alt="{alt}">'
        "</picture></a>"
    ).format(
        tool=f"{at}{path}",
        plain=plain,
        dark=dark,
        alt=alt,
        width=WIDTH,
        height=HEIGHT_WITH_COUNTS,
    )
    return await answer(
        request,
        "catalogue/badge.html",
        head,
        stale=source.stale,
        tool=shown,
        waiting=waiting,
        by=by,
        kinds=_NAMES,
        width=WIDTH,
        height=HEIGHT_WITH_COUNTS,
        height_alone=HEIGHT,
        codes={"HTML": str(html), "Markdown": _markdown(alt, plain, f"{at}{path}")},
    )


def _markdown(alt: str, picture: str, to: str) -> str:
    """The badge in Markdown, with all that has a meaning there escaped in the name."""
    safe = "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#+!|&" else letter for letter in alt)
    return f"[![{safe}]({picture})]({to})"


ROUTES = [badge_svg, badge]
