"""The languages of pages and mails: the words of each, its numbers and its dates.

Words are gettext messages whose key is the English sentence, so English has no file. Every other
language is one file, such as `de.po`: those of this folder, and those of the folder that
`VOTES_LANGUAGES` names, which go first. Numbers, dates and plurals are those of the CLDR, by Babel.

The language of a request or a mail is a context variable, for nearly every text asks for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import localcontext
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal, format_percent
from msgspec import Struct

from votes.config import ConfigError

ENGLISH = "en"
FORMATS_OF_ENGLISH = "en-001"
"""English as the world writes it: the day before the month."""
REMEMBERED_MAX = 4_096
DIGITS_MAX = 330
"""Those of the largest number, and cents."""


class Place(Struct, frozen=True):
    """Where the pages of a language are: its tag as in `lang`, its own name, and `root`, with which
    the addresses of its pages begin."""

    tag: str
    name: str
    root: str


class Language(Struct, frozen=True):
    """A language, and the places of all languages of the site, English first."""

    tag: str
    root: str
    locale: Locale
    words: NullTranslations
    places: tuple[Place, ...]

    @property
    def is_translated(self) -> bool:
        """Whether it has a file, as each but English has, and English may have."""
        return isinstance(self.words, GNUTranslations)

    def inside(self, path: str) -> str:
        """The path without the root of this language."""
        return path.removeprefix(self.root) or "/" if self.owns(path) else path

    def owns(self, path: str) -> bool:
        """Whether the path begins with this language's root."""
        return f"{path}/".startswith(f"{self.root}/")


Languages = Mapping[str, Language]
"""By their tags."""


@cache
def languages_of(folder: Path | None = None) -> Languages:
    """English, those of this package, and those of the folder, whose files are read once. Raises
    `ConfigError`."""
    paths: dict[str, Traversable] = {}
    for place in (files(__package__), *([folder] if folder is not None else [])):
        paths |= {f.name.removesuffix(".po"): f for f in place.iterdir() if f.name.endswith(".po")}
    words = {tag: _words(paths[tag]) for tag in sorted(paths)}
    words = {ENGLISH: words.pop(ENGLISH, NullTranslations()), **words}
    locales = {tag: _locale(tag) for tag in words}
    roots = {tag: "" if tag == ENGLISH else f"/{tag}" for tag in words}
    places = tuple(Place(tag, _name(locales[tag]), roots[tag]) for tag in words)
    return {tag: Language(tag, roots[tag], locales[tag], words[tag], places) for tag in words}


def _words(file: Traversable) -> NullTranslations:
    """The words of a file. A message with other values than the English one is refused, for no page
    could show it."""
    compiled = BytesIO()
    try:
        with file.open("rb") as source:
            catalogue = read_po(source, abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise ConfigError(f"VOTES_LANGUAGES: {file.name}: {error}") from error
    for message, errors in catalogue.check():
        raise ConfigError(f"VOTES_LANGUAGES: {file.name}: {message.id!r}: {errors[0]}")
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _locale(tag: str) -> Locale:
    try:
        return Locale.parse(FORMATS_OF_ENGLISH if tag == ENGLISH else tag, sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise ConfigError(f"VOTES_LANGUAGES: {tag}.po: {error}") from error


def _name(locale: Locale) -> str:
    name = locale.language_name if locale.language == ENGLISH else locale.get_display_name()
    return (name or locale.language).capitalize()


_UNSAID = Language(
    ENGLISH,
    "",
    _locale(ENGLISH),
    NullTranslations(),
    (Place(ENGLISH, "English", ""),),
)
_spoken: ContextVar[Language] = ContextVar("language", default=_UNSAID)


def language() -> Language:
    """The language that is spoken: English where nobody has said."""
    return _spoken.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """All texts within are in this language."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def marked(message: str) -> str:
    """The message itself, which is found like this, to be translated where it is shown."""
    return message


def marked_plural(one: str, many: str) -> tuple[str, str]:
    """The same, of a message for one thing and for many."""
    return one, many


def translated(message: str) -> str:
    """The message with its `%(…)s` as they are."""
    return language().words.gettext(message)


def translated_plural(one: str, many: str, count: int) -> str:
    return language().words.ngettext(one, many, count)


def gettext(message: str, **values: Any) -> str:
    """The message in the language that is spoken, with these values."""
    return translated(message) % values


def ngettext(one: str, many: str, count: int, **values: Any) -> str:
    """The message for so many, which it may say as `%(count)s`."""
    return translated_plural(one, many, count) % {"count": number(count), **values}


def number(count: int) -> str:
    """Such as 12,345."""
    return _number(count, language().locale)


def percent(share: float) -> str:
    """Such as 67%."""
    return _percent(share, language().locale)


# Babel takes 15 µs for each, and a list has a hundred of them.
@lru_cache(REMEMBERED_MAX)
def _number(count: int, locale: Locale) -> str:
    return format_decimal(count, locale=locale)


@lru_cache(REMEMBERED_MAX)
def _percent(share: float, locale: Locale) -> str:
    return format_percent(share, locale=locale)


def amount(dollars: float) -> str:
    """With cents where there are some, and no sign of a currency."""
    digits = "#,##0" if dollars == int(dollars) else "#,##0.00"
    with localcontext(prec=DIGITS_MAX):
        return format_decimal(dollars, digits, locale=language().locale)


def listed(texts: Sequence[str]) -> str:
    """Such as "a, b and c"."""
    return format_list(texts, locale=language().locale)


def day(at: datetime) -> str:
    """Such as 31 Jan 2026."""
    return format_skeleton("yMMMd", at, locale=language().locale)


def day_of_year(at: datetime) -> str:
    """Such as 31 Jan, of a time not long ago."""
    return format_skeleton("MMMd", at, locale=language().locale)


def long_day(at: datetime) -> str:
    """Such as 31 January 2026."""
    return format_date(at, "long", locale=language().locale)


def clock(at: datetime) -> str:
    """Such as 12:00."""
    return format_time(at, "HH:mm", locale=language().locale)
