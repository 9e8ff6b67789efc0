"""The letters of pictures: those of any script, and never the box of a missing one."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.site.pictures.lettering import BOLD, NO_LETTER, drawable, face_of, font, runs, width

NAMES = [
    *("Café", "Łódź Æther", "日本語ツール", "微信读书", "카카오톡", "أداة الترجمة", "שלום עולם"),
    *(
        "हिन्दी टूल",
        "ไทย",
        "Ελληνικά Русский",
        "🚀 Rocket 👩\u200d💻 🇩🇪",
        "✓ ★ → ∞ ½",
        "0123456789 of/…",
    ),
]


def boxed(text: str) -> list[str]:
    """The letters that would be drawn as the box of a missing one."""
    drawn = [(run.face, letter) for run in runs(text) for letter in run.text]
    return [
        letter
        for face, letter in drawn
        if bytes(font(face, 24).getmask(letter)) == bytes(font(face, 24).getmask(NO_LETTER))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_script_is_whole(name):
    assert drawable(name) == name
    assert not boxed(name)
    assert width(name, 40) > 10


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("e\u0301", "é"),
        ("\ue000 Vim \U0010fffd", "Vim"),
        ("\U0001d519im", "Vim"),
        (" a\n\tb ", "a b"),
        ("\ue000", ""),
    ],
)
def test_what_no_font_has_is_left_out(name, shown):
    assert drawable(name) == shown


@given(st.text(max_size=40))
def test_no_letter_is_a_box_or_lost_on_the_way(text):
    shown = drawable(text)
    assert drawable(shown) == shown
    assert not boxed(shown)
    assert sorted("".join(run.text for run in runs(shown))) == sorted(shown)
    assert width(shown, 24, BOLD) >= 0
    lost = {letter for letter in unicodedata.normalize("NFC", text) if letter not in shown}
    assert not {letter for letter in lost if face_of(letter) and not letter.isspace()}


@pytest.mark.parametrize(
    ("text", "from_left_to_right"),
    [
        ("Foo bar", ["Foo bar"]),
        ("Foo \u05d0\u05d1 bar", ["Foo ", "\u05d0\u05d1", " bar"]),
        ("Foo \u05d0\u05d1 \u05d2 bar", ["Foo ", "\u05d2", " ", "\u05d0\u05d1", " bar"]),
        ("\u05d0\u05d1 Foo 12", ["Foo 12", " ", "\u05d0\u05d1"]),
    ],
)
def test_words_stand_in_the_order_of_their_script(text, from_left_to_right):
    assert [run.text for run in runs(text)] == from_left_to_right
