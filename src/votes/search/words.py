"""Text as a search compares it: words in lower case, without accents and punctuation."""

import re
import unicodedata

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

LETTERS_MAX = 200
"""What a name is longer than this, written together, is left out of its comparison as a whole."""

_analyzer = (
    TextAnalyzerBuilder(Tokenizer.simple())
    .filter(Filter.lowercase())
    .filter(Filter.ascii_fold())
    .build()
)
# Chinese and Japanese have no spaces: each character counts as a word.
_CHARACTER = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


def words(text: str) -> list[str]:
    """The words of a text, in their order: "Café-Noir 2" has `cafe`, `noir` and `2`."""
    composed = unicodedata.normalize("NFKC", text).encode(errors="ignore").decode()
    return _analyzer.analyze(_CHARACTER.sub(r" \1 ", composed))


def together(words: list[str]) -> str:
    """The words without spaces, so "Chat GPT" and "ChatGPT" are the same."""
    return "".join(words)[:LETTERS_MAX]
