"""The demo catalogue: 333 tools to vote on, two of them with a panel's reviews.

331 entries come from the package `comparedge-data`: ComparEdge (comparedge.com), CC BY 4.0,
https://creativecommons.org/licenses/by/4.0/. Changed here: a choice of its fields under our
names, white space made single, and one line of pricing derived from the plans.
The texts of `seed.json` were written for this project.
"""

import re
from collections.abc import Sequence
from importlib.resources import files

import comparedge_data
import msgspec
from msgspec import Struct

from votes.domain.terms import PLANS_MAX, Choice, PersonaSlug, ReviewBody, Score, ToolSlug
from votes.domain.tool import Entry, Plan

DESCRIPTION_LENGTH_MAX = 4_000
_USAGE = "usage-based"
_PERIODS = {"month": "mo", "monthly": "mo", "yearly": "year", "free": "forever", "custom": ""}
_METERED = re.compile(r"\bpay\b|\bcosts\b|providers|azure|\Aapi\Z|\Aproduction\Z", re.IGNORECASE)


class Review(Struct, frozen=True, forbid_unknown_fields=True):
    """The review of a tool by one persona of the panel."""

    tool: ToolSlug
    persona: PersonaSlug
    score: Score
    choice: Choice
    body: ReviewBody


class _Seed(Struct, frozen=True, forbid_unknown_fields=True):
    tools: dict[ToolSlug, Entry]
    reviews: tuple[Review, ...]


class _Offer(Struct, frozen=True):
    name: str
    price: float | None
    period: str


class _Pricing(Struct, frozen=True):
    plans: tuple[_Offer, ...]
    model: str = ""


class _Product(Struct, frozen=True, rename="camel"):
    slug: str
    name: str
    category: str
    description: str
    long_description: str
    url: str
    best_for: str
    pricing: _Pricing
    discontinued: bool = False


def tools() -> list[tuple[str, Entry]]:
    """Every demo tool with its slug: ComparEdge's first, then the two that have reviews."""
    products = msgspec.convert(comparedge_data.get_products(), list[_Product])
    return [(product.slug, _entry(product)) for product in products] + list(_seed().tools.items())


def reviews() -> list[Review]:
    """The panel's reviews of the last two tools."""
    return list(_seed().reviews)


def _seed() -> _Seed:
    return msgspec.json.decode(files(__name__).joinpath("seed.json").read_bytes(), type=_Seed)


def _entry(product: _Product) -> Entry:
    offers = [_plan(offer) for offer in product.pricing.plans]
    return Entry(
        name=clean(product.name),
        category=clean(product.category),
        tagline=clean(product.description),
        description=shorten(clean(product.long_description), DESCRIPTION_LENGTH_MAX),
        url=product.url,
        pricing="Discontinued" if product.discontinued else _line(offers, product.pricing.model),
        best_for=clean(product.best_for),
        plans=tuple(plan for plan in offers if "%" not in plan.period)[:PLANS_MAX],
    )


def clean(text: str) -> str:
    """The text on one line, without invisible characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shorten(text: str, chars_max: int) -> str:
    """The whole sentences that fit, or the first characters where not even one does."""
    if len(text) <= chars_max:
        return text
    cut = text[:chars_max]
    return cut[: cut.rfind(". ") + 1] or cut


def _plan(offer: _Offer) -> Plan:
    """The offer, with periods in one spelling. The source gives metered use a price of 0."""
    name, period = clean(offer.name), clean(offer.period)
    if not offer.price and _METERED.search(name):
        return Plan(name, None, _USAGE)
    return Plan(name, offer.price, _PERIODS.get(period, period.removeprefix("flat/")))


def _line(offers: Sequence[Plan], model: str) -> str:
    """Such as "Free plan, paid from $12 user/mo", "From $7/mo" or "On request"."""
    free, paid = _free(offers, model), _paid(offers, model)
    if not paid:
        return "Free" if free else ""
    line = f"{free}, {paid}" if free else paid.removeprefix("paid ")
    return line[:1].upper() + line[1:]


def _free(offers: Sequence[Plan], model: str) -> str:
    name = next((plan.name.lower() for plan in offers if plan.price == 0), None)
    if name is None or model == "fee-based":
        return ""
    return next((f"Free {word}" for word in ("trial", "credit") if word in name), "Free plan")


def _paid(offers: Sequence[Plan], model: str) -> str:
    priced = [(plan.price, plan.period) for plan in offers if plan.price]
    if priced:
        return f"paid from {_amount(*min(priced))}"
    if model == "fee-based":
        return "fees on trades"
    if any(plan.period == _USAGE for plan in offers):
        return "pay as you go"
    return "paid on request" if any(plan.price is None for plan in offers) else ""


def _amount(price: float, period: str) -> str:
    if "%" in period:  # a share of the trade, such as "per swap (%)"
        return f"{price:g}% {period.partition(' (')[0]}"
    dollars = f"${price:,.2f}".removesuffix(".00")
    return f"{dollars}{'/' if period.startswith(('mo', 'year', 'image')) else ' '}{period}".strip()
