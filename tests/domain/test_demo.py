"""The demo catalogue keeps the domain's limits, and its words are our own."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from votes import demo
from votes.domain import verdict
from votes.domain.tool import Entry

SEEDED = ("claude-haiku-open-weights", "mistral-3-small")
PERSONAS = ("builder", "skeptic", "futurist", "founder")
SHARED_WORDS_MAX = 5
LENGTHS = {
    "name": (1, 120),
    "category": (1, 64),
    "tagline": (1, 200),
    "description": (1, 4_000),
    "pricing": (1, 400),
    "best_for": (1, 400),
}


def test_there_are_333_tools_with_distinct_valid_slugs() -> None:
    slugs = [slug for slug, _ in demo.tools()]
    assert len(slugs) == len(set(slugs)) == 333
    assert tuple(slugs[-2:]) == SEEDED
    for slug in slugs:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?", slug), slug


def test_every_entry_is_within_the_limits() -> None:
    for slug, entry in demo.tools():
        assert msgspec.convert(msgspec.to_builtins(entry), Entry) == entry, slug
        for field, (shortest, longest) in LENGTHS.items():
            assert shortest <= len(getattr(entry, field)) <= longest, (slug, field)
        assert len(entry.plans) <= 20, slug
        if entry.url is not None:
            assert re.match(r"https?://", entry.url), slug
            assert len(entry.url) <= 2_048, slug


def test_no_text_holds_an_invisible_character() -> None:
    texts = [text for slug, entry in demo.tools() for text in (slug, *strings(entry))]
    texts += [text for review in demo.reviews() for text in strings(review)]
    assert [text for text in texts if not text.isprintable()] == []


@pytest.mark.parametrize(
    ("slug", "pricing"),
    [
        ("notion", "Free plan, paid from $12 user/mo"),
        ("surfer-seo", "From $99/mo"),
        ("openai-api", "Pay as you go"),
        ("binance", "Fees on trades"),
        ("bitsgap", "Free trial, paid from $23/mo"),
        ("uniswap", "Free plan, paid from 0.01% per swap"),
        ("sketch", "From $12 editor/mo (billed yearly)"),
        ("gimp", "Free"),
        ("invision", "Discontinued"),
    ],
)
def test_the_pricing_line_says_what_the_plans_say(slug: str, pricing: str) -> None:
    assert dict(demo.tools())[slug].pricing == pricing


def test_a_plan_has_a_price_in_dollars_or_none() -> None:
    entries = dict(demo.tools())
    assert [plan.price for plan in entries["notion"].plans] == [0, 12, 18, None]
    assert [(plan.price, plan.period) for plan in entries["openai-api"].plans] == [
        (None, "usage-based")
    ]
    assert [plan.name for plan in entries["uniswap"].plans] == ["Free"]


def test_a_long_text_ends_with_a_whole_sentence() -> None:
    assert demo.shorten("One. Two. Three.", 10) == "One. Two."
    assert demo.shorten("One. Two.", 9) == "One. Two."
    assert demo.shorten("Endless", 3) == "End"


def test_a_text_is_cleaned_to_one_visible_line() -> None:
    assert demo.clean(" a\x00b\n\nc\u202ed\u00a0e\t") == "a b c d e"


def test_each_persona_reviews_both_seeded_tools_once() -> None:
    seen = [(review.tool, review.persona) for review in demo.reviews()]
    assert sorted(seen) == sorted((tool, persona) for tool in SEEDED for persona in PERSONAS)


def test_each_review_has_60_to_120_words() -> None:
    for review in demo.reviews():
        assert 60 <= len(review.body.split()) <= 120, (review.tool, review.persona)


@pytest.mark.parametrize(
    ("tool", "scores", "ship", "skip", "mean", "call"),
    [
        (SEEDED[0], [74, 52, 68, 45], 2, 2, 59.75, "mixed"),
        (SEEDED[1], [85, 78, 80, 52], 3, 1, 73.75, "ship"),
    ],
)
def test_the_panel_adds_up(
    tool: str, scores: list[int], ship: int, skip: int, mean: float, call: str
) -> None:
    reviews = {review.persona: review for review in demo.reviews() if review.tool == tool}
    assert [reviews[persona].score for persona in PERSONAS] == scores
    panel = verdict.panel((review.choice, review.score) for review in reviews.values())
    assert (panel.ship, panel.skip, panel.mean_score, panel.verdict) == (ship, skip, mean, call)


def test_a_copied_sentence_would_be_noticed() -> None:
    page = "A quick brown fox jumps over dogs."
    assert shared("See a QUICK brown fox, jumps over it", page) == ["a quick brown fox jumps over"]
    assert shared("A quick brown fox jumps away", page) == []


def test_our_words_are_not_those_of_the_seed_page() -> None:
    data = os.environ.get("VOTES_TEST_DATA")
    if not data:
        pytest.skip("VOTES_TEST_DATA is not set: nothing compares our words with the seed page")
    page = (Path(data).parent / "seed-compare-page.txt").read_text(encoding="utf-8")
    ours = list(own_words())
    assert len(ours) == 14
    assert {text: found for text in ours if (found := shared(text, page))} == {}


def own_words() -> Iterator[str]:
    """The sentences of the seed; names, categories and pricing labels are facts."""
    entries = dict(demo.tools())
    for slug in SEEDED:
        entry = entries[slug]
        yield from (entry.tagline, entry.description, entry.best_for)
    yield from (review.body for review in demo.reviews())


def shared(text: str, page: str) -> list[str]:
    """The runs of words, one longer than allowed, that both texts hold."""
    known = set(runs(page))
    return [run for run in runs(text) if run in known]


def runs(text: str) -> list[str]:
    words = re.findall(r"\w+", text.lower())
    size = SHARED_WORDS_MAX + 1
    return [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]


def strings(message: object) -> Iterator[str]:
    """Every text inside a message."""
    match message:
        case str():
            yield message
        case list():
            for item in message:
                yield from strings(item)
        case dict():
            yield from strings(list(message.values()))
        case msgspec.Struct():
            yield from strings(msgspec.to_builtins(message))
        case _:
            return
