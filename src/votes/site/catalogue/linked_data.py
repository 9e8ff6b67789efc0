"""Linked data of pages: JSON-LD in the vocabulary of schema.org.

A rating is only given where somebody rated: the community's share of ship as a number of 0 to
100 once there is a vote, and each review of the panel with its own score. A persona is no person,
so the author of a review is the panel.
"""

from typing import Any

from votes.app.catalogue.responses import ReviewView, SummaryView
from votes.languages import gettext, language
from votes.projections.tallies import TallyView
from votes.site import words
from votes.site.render import SITE_NAME

CONTEXT = "https://schema.org"
REVIEW_TEXT_LENGTH_MAX = 5_000


def tool(summary: SummaryView, base: str) -> dict[str, Any]:
    """A tool as a SoftwareApplication; `base` is the site's address."""
    page = f"{base}{language().root}/tools/{summary.slug}"
    data: dict[str, Any] = {
        "@type": "SoftwareApplication",
        "@id": f"{base}/tools/{summary.slug}#tool",
        "name": summary.name,
        "url": page,
        "applicationCategory": words.category(summary.category),
        "description": summary.description or summary.tagline or summary.name,
    }
    if summary.url is not None:
        data["sameAs"] = summary.url
    if summary.entry_price is not None:
        data["offers"] = {
            "@type": "Offer",
            "price": f"{summary.entry_price:.2f}",
            "priceCurrency": "USD",
        }
    if summary.community.total:
        data["aggregateRating"] = _rating(summary.community)
    if summary.panel.reviews:
        data["review"] = [_review(review) for review in summary.panel.reviews]
    return data


def _rating(tally: TallyView) -> dict[str, Any]:
    return {
        "@type": "AggregateRating",
        "ratingValue": round(100 * (tally.ship_share or 0.0), 1),
        "bestRating": 100,
        "worstRating": 0,
        "ratingCount": tally.total,
        "ratingExplanation": gettext("The share of visitors' votes that say ship, from 0 to 100."),
    }


def _review(review: ReviewView) -> dict[str, Any]:
    return {
        "@type": "Review",
        "name": gettext("%(name)s, of the panel", name=words.persona(review.persona)),
        "author": {
            "@type": "Organization",
            "name": gettext("The panel of %(site)s", site=SITE_NAME),
        },
        "dateModified": review.revised_at.date().isoformat(),
        "reviewBody": review.body[:REVIEW_TEXT_LENGTH_MAX],
        "reviewRating": {
            "@type": "Rating",
            "ratingValue": review.score,
            "bestRating": 100,
            "worstRating": 0,
        },
    }


def trail(base: str, *steps: tuple[str, str]) -> dict[str, Any]:
    """The breadcrumbs of a page: (name, path) from the home page on."""
    home = base + language().root
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": number, "name": name, "item": home + path}
            for number, (name, path) in enumerate(steps, 1)
        ],
    }


def graph(*things: dict[str, Any]) -> dict[str, Any]:
    return {"@context": CONTEXT, "@graph": list(things)}
