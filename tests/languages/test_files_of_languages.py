"""The files of languages: what is in them, and which are refused."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests.languages.pseudo import TAG, write_pseudo
from votes import languages
from votes.config import ConfigError
from votes.languages import language, languages_of, ngettext, speaking
from votes.languages.__main__ import messages, update

FILES = sorted(Path(str(files("votes.languages"))).glob("*.po"))
PARTS = re.compile(r"%\(\w+\)s|%%|</?\w+[^>]*>")
"""What a message has besides words: values, and the tags of links."""
AT = datetime(2026, 1, 31, 12, 5, tzinfo=UTC)


def catalogue(file: Path) -> Catalog:
    with file.open("rb") as source:
        return read_po(source, file.stem, abort_invalid=True)


def forms(text: str | Sequence[str] | None) -> Sequence[str]:
    return [text or ""] if text is None or isinstance(text, str) else text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_says_each_message_of_the_program_and_no_other(file: Path):
    said = {message.id: message for message in catalogue(file) if message.id}
    assert said.keys() == {message.id for message in messages() if message.id}
    for key, message in said.items():
        assert all(forms(message.string)), key
        assert not message.fuzzy, key


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_message_has_the_values_and_the_tags_of_the_english_one(file: Path):
    for message in catalogue(file):
        if message.id:
            wanted = sorted(PARTS.findall(forms(message.id)[-1]))
            for text in forms(message.string):
                assert sorted(PARTS.findall(text)) == wanted, message.id


def test_a_language_more_is_a_file_more(tmp_path: Path):
    found = languages_of(write_pseudo(tmp_path))
    assert set(found) == {"en", "de", TAG}
    assert [place.tag for place in found["en"].places] == ["en", "de", TAG]
    assert [place.root for place in found["en"].places] == ["", "/de", f"/{TAG}"]
    assert [place.name for place in found["en"].places] == ["English", "Deutsch", "Esperanto"]
    with speaking(found[TAG]):
        assert languages.gettext("Too early") == "⟦Too early⟧"
        assert ngettext("%(count)s vote", "%(count)s votes", 1_000) == "⟦1\u202f000 votes⟧"
    assert languages.gettext("Too early") == "Too early"
    assert language().tag == "en"


def test_a_file_is_begun_and_keeps_what_it_says(tmp_path: Path):
    file = tmp_path / "pl.po"
    update(file)
    assert len(catalogue(file)) == len(messages())
    assert languages_of(tmp_path)["pl"].locale.language == "pl"
    file.write_text(file.read_text().replace('msgid "Too early"\nmsgstr ""', EARLY))
    update(file)
    message = catalogue(file).get("Too early")
    assert message is not None
    assert message.string == "Za wcześnie"


EARLY = 'msgid "Too early"\nmsgstr "Za wcześnie"'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("xx.po", 'msgid "Votes"\nmsgstr "X"\n'),
        ("fr.po", "msgid nonsense\n"),
        ("fr.po", 'msgid "%(count)s held"\nmsgstr "%(number)s en attente"\n'),
        ("fr.po", 'msgid "%(count)s held"\nmsgstr "%(count) en attente"\n'),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=f"^VOTES_LANGUAGES: {name}: [^\n]+$"):
        languages_of(tmp_path)


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("en", ["12,345", "67%", "31 Jan 2026", "31 Jan", "31 January 2026", "12:05", "1,234.50"]),
        (
            "de",
            [
                *("12.345", "67\xa0%", "31. Jan. 2026", "31. Jan.", "31. Januar 2026"),
                *("12:05", "1.234,50"),
            ],
        ),
    ],
)
def test_numbers_and_dates_are_those_of_the_language(tag: str, said: list[str]):
    with speaking(languages_of()[tag]):
        assert said == [
            languages.number(12_345),
            languages.percent(0.67),
            languages.day(AT),
            languages.day_of_year(AT),
            languages.long_day(AT),
            languages.clock(AT),
            languages.amount(1_234.5),
        ]
