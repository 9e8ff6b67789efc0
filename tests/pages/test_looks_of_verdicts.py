"""The table of verdicts, both style sheets and the elements' script say the same."""

import re
from importlib.resources import files
from typing import Any, get_args

import pytest

from votes.domain.terms import Choice
from votes.domain.verdict import Call, PanelVerdict
from votes.languages import languages_of, speaking
from votes.site import verdicts, words
from votes.site.element_words import words_of_elements
from votes.site.pictures.drawing import INK, LINE, PAPER, Opinion, Side, draw
from votes.site.render import environment
from votes.site.verdicts import Tone, look

SITE = files("votes.site")
SHEET = SITE.joinpath("source", "site.css").read_text()
ELEMENTS_SHEET = SITE.joinpath("source", "elements.css").read_text()
ELEMENTS_SCRIPT = SITE.joinpath("source", "elements.js").read_text()
CLIENT_SCRIPT = SITE.joinpath("source", "client.js").read_text()
LIGHT, DARK, *_ = re.findall(r":root {(.*?)}", SHEET, re.DOTALL)
TONES = [one for one in vars(verdicts).values() if isinstance(one, Tone)]
WORDS = dict.fromkeys([*get_args(PanelVerdict), *get_args(Call), "too_close"])


def variables(text: str) -> dict[str, str]:
    """The custom properties that are set in a text."""
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", text))


def declared(selector: str, sheet: str) -> dict[str, str]:
    """All that the sheet declares for just this selector, alone or in a list."""
    found: dict[str, str] = {}
    for selectors, rules in re.findall(r"([^{};]+){([^{}]*)}", sheet):
        if selector in [one.strip() for one in selectors.split(",")]:
            found |= dict(re.findall(r"([\w-]+):\s*([^;]+);", rules))
    return found


@pytest.mark.parametrize("tone", TONES, ids=lambda tone: tone.name)
def test_a_tone_is_a_class_and_has_its_colours_by_day_and_by_night(tone: Tone):
    assert declared(f".is-{tone.name}", SHEET)["--verdict"] == f"var(--{tone.name})"
    assert variables(LIGHT)[f"--{tone.name}"] == tone.light
    assert variables(DARK)[f"--{tone.name}"] == tone.dark


def test_every_verdict_and_every_choice_has_a_tone_of_the_table():
    assert {look(word).tone.name for word in WORDS} == {tone.name for tone in TONES}
    assert {tone.name for tone in TONES} >= set(get_args(Choice))


@pytest.mark.parametrize("word", WORDS)
def test_a_stamp_has_the_label_and_the_class(word: Any):
    template = environment().from_string('{% from "parts.html" import stamp %}{{ stamp(word) }}')
    stamp = f'<span class="stamp is-{look(word).tone.name}">{look(word).label}</span>'
    assert template.render(word=word).strip() == stamp


def test_a_monogram_has_its_colour_wherever_it_stands():
    """Without one it is paper on paper, and axe does not see it: it is hidden from readers."""
    templates = SITE.joinpath("templates")
    names = environment().list_templates()
    uses = [name for name in names if "words.monogram(" in templates.joinpath(name).read_text()]
    assert uses == ["parts.html"]
    template = environment().from_string(
        '{% from "parts.html" import monogram with context %}{{ monogram("Vim") }}'
    )
    tints = re.findall(r"tint-\d", template.render(words=words))
    assert tints
    assert all(f".{tint} {{ --tint: " in SHEET for tint in tints)


def _side(look: verdicts.Look) -> Side:
    return Side("vim", "Vim", "", (Opinion("Panel", look, 3, 1),))


def test_a_picture_is_drawn_in_the_tones_of_light_pages():
    tones = {word: look(word) for word in ("ship", "skip", "mixed", "pending")}
    assert {one.tone.name for one in tones.values()} == {tone.name for tone in TONES}
    pictures = {draw((_side(verdicts.Look("Same", one.tone)),), "") for one in tones.values()}
    assert len(pictures) == len(TONES)
    paper = {name: variables(LIGHT)[f"--{name}"] for name in ("paper", "ink", "line")}
    assert paper == {"paper": PAPER, "ink": INK, "line": LINE}


def test_the_elements_script_says_what_pages_say():
    """In English, which it has itself, and by the names under which it asks for other words."""
    (table,) = re.findall(r"const said = {(.*?)};", ELEMENTS_SCRIPT, re.DOTALL)
    said = dict(re.findall(r'(\w+): "([^"]+)"', table))
    here = words_of_elements()
    assert said == {name: here[name] for name in said}
    for name in here.keys() - said.keys():
        text = re.sub("(leaning|vote:) (ship|skip)", r"\1 ${", name)
        assert text in ELEMENTS_SCRIPT + CLIENT_SCRIPT, name
        assert name.startswith("{}%") or here[name] == name


def test_the_elements_script_has_the_plural_forms_of_each_language():
    spoken = languages_of()
    assert spoken["de"].locale.plural_form(1) == "one"
    with speaking(spoken["de"]):
        said = words_of_elements()
    assert (said["one"], said["other"]) == ("{} Stimme", "{} Stimmen")
    assert said["{}% ship"] == "{}\xa0% Ship"


@pytest.mark.parametrize("call", get_args(Call))
def test_the_elements_sheet_has_a_colour_for_each_call_by_day_and_by_night(call: str):
    """Of its own, or a dashed line in the quiet one, which is the colour of all that has none."""
    rule = declared(f'[part~="{call}"]', ELEMENTS_SHEET)
    assert "--c" in rule or rule["border-style"] == "dashed"
    by_default = declared("ship-verdict", ELEMENTS_SHEET)
    colour = by_default[re.sub(r"var\((.*)\)", r"\1", rule.get("--c", by_default["--c"]))]
    assert re.fullmatch(r"var\(--votes-\w+, light-dark\(#\w+, #\w+\)\)", colour)
