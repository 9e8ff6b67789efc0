"""Made-up catalogues for searches."""

import random
from datetime import UTC, datetime

from votes.domain.terms import ToolId
from votes.domain.tool import Entry
from votes.projections.profiles import Profile, parts_of
from votes.search.index import Listed

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
_SYLLABLES = (
    "ka lo mi ne ra su ti ver dex pro flow bit ly hub sta con chat gen ai note form scr lab mind"
    " sync ova zen fy ix bo du gra hel jo kin mar nul opt pix quo rim sol tra und vox wir yel zap"
)
_WORDS = (
    "the best ai app for teams that write code and notes with one click to ship faster your data"
    " in a cloud search video image design email sales calls support docs meeting assistant open"
)
SYLLABLES, WORDS = _SYLLABLES.split(), _WORDS.split()


def names(number: int, seed: int = 7) -> list[str]:
    """So many different names of one or two words, of 5 letters at least."""
    chance = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < number:
        words = ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))).capitalize()]
        if chance.random() < 0.3:
            words.append("".join(chance.choices(SYLLABLES, k=chance.randint(1, 2))).capitalize())
        if len(name := " ".join(words)) >= 5:
            found[name] = None
    return list(found)


def tagline(seed: int) -> str:
    chance = random.Random(seed)
    return " ".join(chance.choices(WORDS, k=chance.randint(4, 9)))


def listed(slug: str, name: str, tagline: str = "", votes: int = 0, **more: str) -> Listed:
    """A listed tool as the index knows it."""
    parts = parts_of(Entry(name, more.get("category", "Tests"), tagline))
    former = tuple(filter(None, (more.get("former"),)))
    profile = Profile(slug=slug, **parts, listed=True, listed_at=AT, position=1, former=former)
    return Listed(profile, votes.bit_length())


def catalogue(number: int) -> dict[ToolId, Listed]:
    return {
        ToolId(f"id-{at}"): listed(f"tool-{at}", name, tagline(at), at % 50)
        for at, name in enumerate(names(number))
    }
