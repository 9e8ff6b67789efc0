"""The index: finds tools by what is typed, the best first (Tantivy, in memory).

A tool is found by the first of these that holds. Within one, tools with more votes come first, then
those with shorter names; equals have an order that is the same in every process.

1. Its name or a slug of it is what is typed, spaces and punctuation aside.
2. Its name or a slug begins with that.
3. Its name has all the words, the last one perhaps not typed to its end.
4. Its name and tagline have all the words, in the same way.
5. Its name or a slug is one edit away: a letter more, less, another, or two letters swapped.
6. Its name or a slug begins with what is one edit away, if 5 letters or more are typed.
7. Its name has all the words, each with as many edits as its length allows.
8. Its name or a slug is two edits away.

Words of less than 4 letters allow no edit, those of less than 8 letters one, longer ones two. What
takes edits is looked for only where less than `FEW` tools are found without.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from math import log
from typing import Any
from zlib import crc32

from msgspec import Struct
from tantivy import (
    DocAddress,
    Document,
    Index,
    Occur,
    Query,
    Schema,
    SchemaBuilder,
    TextAnalyzerBuilder,
    Tokenizer,
)

from votes.app.catalogue.listing import category_slug
from votes.domain.terms import ToolId, ToolSlug
from votes.projections.profiles import Profile
from votes.search.words import together, words

FEW = 10
WORDS_MAX = 10
"""So many words of what is typed are looked for one by one."""
BEGINNING_MAX = 5
"""Beginnings of words up to this length are terms of their own: in 100,000 names thousands begin
with one, and to gather these takes milliseconds."""
TAGLINE_BEGINNING_MIN = 3
EDITED_BEGINNING_MIN = 5
"""Shorter beginnings with an edit are those of anything."""
WRITER_BYTES = 50_000_000
"""What the index may gather before it writes: 100,000 tools in one go."""
TIERS = 8
TIER_FACTOR = 4.0
"""The score of a tier, by that of the next one; within a tier the weight is 1 to less than this."""
ROUNDING = 1e-6
"""More than the error of a score, and less than between the tiers."""
NAME_LETTERS_MAX = 128
VOTES_BITS_MAX = 32

Hit = tuple[float, ToolId]
"""A score, higher for what fits better, and a tool."""


class Listed(Struct, frozen=True, gc=False):
    """What the index knows of a listed tool. `votes_bits` is how many bits its number of votes has,
    so that the index changes at each doubling and not at each vote."""

    profile: Profile
    votes_bits: int

    def same(self, other: "Listed | None") -> bool:
        """Whether the other is found in the same way: prices and reviews do not matter."""
        if other is None or self.votes_bits != other.votes_bits:
            return False
        one, two = self.profile, other.profile
        return one is two or _found_by(one) == _found_by(two)


def _found_by(profile: Profile) -> tuple[object, ...]:
    return profile.name, profile.category, profile.tagline, profile.slug, profile.former


def _schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_integer_field("number", indexed=True, fast=True)
    builder.add_float_field("weight", fast=True)
    for name in ("category", "whole", "name", "text"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("whole_begins", "name_begins", "text_begins"):
        builder.add_text_field(name, tokenizer_name=name, index_option="basic")
    return builder.build()


_SCHEMA = _schema()


def _new_index() -> Index:
    index = Index(_SCHEMA)
    for name, shortest in (("whole", 1), ("name", 1), ("text", TAGLINE_BEGINNING_MIN)):
        beginnings = Tokenizer.ngram(shortest, BEGINNING_MAX, prefix_only=True)
        index.register_tokenizer(f"{name}_begins", TextAnalyzerBuilder(beginnings).build())
    return index


class ToolIndex:
    """Finds listed tools. `update` may run in a thread while others find, but once at a time."""

    def __init__(self) -> None:
        self._index = _new_index()
        self._writer = self._index.writer(WRITER_BYTES, 1)
        self._listed: dict[ToolId, Listed] = {}
        self._numbers: dict[ToolId, int] = {}
        self._tools: list[ToolId] = []

    def __len__(self) -> int:
        return self._index.searcher().num_docs

    def only(self, tools: Mapping[ToolId, Listed]) -> None:
        """Leave these tools in the index, and no other."""
        gone = ((tool, None) for tool in list(self._listed) if tool not in tools)
        self.update(chain(gone, tools.items()))

    def update(self, tools: Iterable[tuple[ToolId, Listed | None]]) -> None:
        """Take in what is new of these tools; None stands for one that is not listed.

        There is no long step of Python's own, for which the loop would have to wait.
        """
        changed = [(tool, new) for tool, new in tools if not self._has(tool, new)]
        if not changed:
            return
        try:
            for tool, new in changed:
                self._put(tool, new)
            self._writer.commit()
        except BaseException:
            self._writer.rollback()
            raise
        self._index.reload()
        for tool, new in changed:
            if new is None:
                del self._listed[tool]
            else:
                self._listed[tool] = new

    def _has(self, tool: ToolId, new: Listed | None) -> bool:
        old = self._listed.get(tool)
        return old is None if new is None else new.same(old)

    def _put(self, tool: ToolId, new: Listed | None) -> None:
        number = self._numbers.setdefault(tool, len(self._tools))
        if number == len(self._tools):
            self._tools.append(tool)
        if tool in self._listed:
            self._writer.delete_documents_by_term("number", number)
        if new is not None:
            self._writer.add_document(_document(number, new))

    def find(self, text: str, category: str | None, limit: int) -> list[Hit]:
        """At most `limit` tools, the best first, only those of the category where one is given."""
        asked, searcher = words(text), self._index.searcher()
        if not asked:
            return []
        hits: list[tuple[Any, DocAddress]] = []
        tiers: list[Query] = []
        for more, enough in _STAGES:
            if len(hits) < min(enough, limit):
                tiers += more(asked)
                query = _of_category(_best_of(tiers), category)
                result = searcher.search(query, limit, count=False, weight_by_field="weight")
                hits = result.hits
        numbers = searcher.fast_field_values("number", [address for _, address in hits])
        return [
            (score, self._tools[int(number)])
            for (score, _), number in zip(hits, numbers, strict=True)
            if number is not None
        ]


def tier(score: float) -> int:
    """Which of the tiers above, from 1, a hit of this score is of."""
    return TIERS + 1 - int(log(score, TIER_FACTOR) + ROUNDING)


def _document(number: int, listed: Listed) -> Document:
    profile = listed.profile
    name, tagline = words(profile.name), words(profile.tagline)
    slugs = (words(slug) for slug in (profile.slug, *profile.former))
    wholes = sorted({together(each) for each in (name, *slugs)} - {""})
    text = sorted({*name, *tagline})
    return Document(
        number=[number],
        weight=[_weight(listed.votes_bits, len(together(name)), profile.slug)],
        category=[category_slug(profile.category)],
        whole=wholes,
        whole_begins=wholes,
        name=name,
        name_begins=name,
        text=text,
        text_begins=text,
    )


def _weight(votes_bits: int, letters: int, slug: ToolSlug) -> float:
    """What Tantivy multiplies scores by `log2(2 + weight)` for: 1 to less than `TIER_FACTOR`.

    Equals are told apart by a checksum, so that all processes find them in one order.
    """
    shortness = NAME_LETTERS_MAX - min(letters, NAME_LETTERS_MAX - 1) - 1
    rank = min(votes_bits, VOTES_BITS_MAX - 1) * NAME_LETTERS_MAX + shortness
    share = (rank + crc32(slug.encode()) / 2**32) / (VOTES_BITS_MAX * NAME_LETTERS_MAX)
    return float(2 ** (1 + share * (TIER_FACTOR - 1)) - 2)


def _as_written(asked: list[str]) -> list[Query]:
    whole = together(asked)
    return [_is("whole", whole), _begins("whole", whole), _all("name", asked, _is, _begins)]


def _with_taglines(asked: list[str]) -> list[Query]:
    last = _begins if len(asked[-1]) >= TAGLINE_BEGINNING_MIN else _is
    return [_all("text", asked, _is, last)]


def _with_edits(asked: list[str]) -> list[Query]:
    whole = together(asked)
    edits = _edits(whole)
    return [
        _near("whole", whole, min(edits, 1)),
        _nearly_begins("whole", whole),
        _all("name", asked, _nearly_is, _nearly_begins),
        _near("whole", whole, edits),
    ]


_STAGES: list[tuple[Callable[[list[str]], list[Query]], float]] = [
    (_as_written, float("inf")),
    (_with_taglines, float("inf")),
    (_with_edits, FEW),
]
"""Tiers in their order, and how many tools found before make the search end there."""


def _edits(word: str) -> int:
    """How many edits a word allows, as at Algolia: none below 4 letters, two from 8 on."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


def _is(field: str, word: str) -> Query:
    return Query.term_query(_SCHEMA, field, word, index_option="basic")


def _near(field: str, word: str, edits: int, *, begins: bool = False) -> Query:
    return Query.fuzzy_term_query(_SCHEMA, field, word, edits, prefix=begins)


def _begins(field: str, word: str) -> Query:
    if len(word) <= BEGINNING_MAX:
        return _is(f"{field}_begins", word)
    return _near(field, word, 0, begins=True)


def _nearly_is(field: str, word: str) -> Query:
    return _near(field, word, _edits(word))


def _nearly_begins(field: str, word: str) -> Query:
    if len(word) >= EDITED_BEGINNING_MIN:
        return _near(field, word, 1, begins=True)
    return Query.disjunction_max_query([_begins(field, word), _nearly_is(field, word)])


Match = Callable[[str, str], Query]


def _all(field: str, asked: list[str], each: Match, last: Match) -> Query:
    asked = asked[:WORDS_MAX]
    matches = [*(each(field, word) for word in asked[:-1]), last(field, asked[-1])]
    return Query.boolean_query([(Occur.Must, match) for match in matches])


def _best_of(tiers: list[Query]) -> Query:
    scored = [
        Query.const_score_query(tier, TIER_FACTOR ** (TIERS - place))
        for place, tier in enumerate(tiers)
    ]
    return Query.disjunction_max_query(scored)


def _of_category(query: Query, category: str | None) -> Query:
    if category is None:
        return query
    only = Query.const_score_query(_is("category", category), 0.0)
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, only)])
