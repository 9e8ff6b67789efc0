"""Letters of all scripts for pictures, in the fonts of Noto.

Each letter is drawn in the first font that has it. What no font has is left out. Raqm shapes the
letters that join (Arabic, Devanagari); where Pillow finds no FriBidi they stand alone.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path
from typing import Literal

from msgspec import Struct
from PIL import ImageDraw, ImageFont, features

PROBED_SIZE = 32
PLAIN, BOLD = 400, 700
LETTERS_REMEMBERED, FONTS_REMEMBERED = 4_096, 256
FIRST, LAST = "NotoSans[wght].ttf", ("NotoSansSymbols[wght].ttf", "NotoEmoji[wght].ttf")
CJK = "NotoSansCJK-VF.otf.ttc"
JAPANESE, KOREAN, CHINESE = 0, 1, 2
"""The faces of the CJK collection: the same letters, as each country writes them."""
MARKS = ("Mn", "Mc", "Me", "Cf")
CODES = ("Cc", "Cs", "Zl", "Zp")
NO_LETTER = "\U0010fffd"
SHAPED = features.check("raqm")

Direction = Literal["ltr", "rtl"]
Weight = int


class Face(Struct, frozen=True):
    """A font file, and the number of a face in it."""

    path: str
    index: int = 0


@cache
def faces() -> tuple[Face, ...]:
    """In the order in which a letter is looked for."""
    latin = _folder("manimgx_fonts")
    scripts = sorted(
        path.name
        for path in latin.glob("NotoSans*.ttf")
        if "Italic" not in path.name and path.name not in (FIRST, *LAST)
    )
    return (
        *(Face(str(latin / name)) for name in (FIRST, *scripts, *LAST)),
        Face(str(_folder("manimgx_fonts_cjk") / CJK), CHINESE),
    )


def _folder(package: str) -> Path:
    with as_file(files(package)) as folder:  # an installed package is a folder already
        return folder


@lru_cache(FONTS_REMEMBERED)
def font(face: Face, size: int, weight: Weight = PLAIN) -> ImageFont.FreeTypeFont:
    found = ImageFont.truetype(face.path, size, face.index)
    found.set_variation_by_axes([weight])
    return found


@lru_cache(LETTERS_REMEMBERED)
def face_of(letter: str) -> Face | None:
    """The first face that has the letter; None where there is none,
    and for a control code or the end of a line."""
    if unicodedata.category(letter) in CODES:
        return None
    return next((face for face in faces() if _has(face, letter)), None)


def _has(face: Face, letter: str) -> bool:
    probed = font(face, PROBED_SIZE)
    return bytes(probed.getmask(letter)) != _missing(face)


@cache
def _missing(face: Face) -> bytes:
    return bytes(font(face, PROBED_SIZE).getmask(NO_LETTER))


def drawable(text: str) -> str:
    """The text on one line, composed, as far as fonts have its letters. For one that none has stand
    its plain letters, such as A for a mathematical A."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return " ".join("".join(map(_in_a_font, composed)).split())


def _in_a_font(letter: str) -> str:
    if face_of(letter) is not None:
        return letter
    return "".join(filter(face_of, unicodedata.normalize("NFKC", letter)))


class Run(Struct, frozen=True):
    """Letters of one face in one direction."""

    text: str
    face: Face
    direction: Direction


def width(text: str, size: int, weight: Weight = PLAIN) -> float:
    """Of a drawable text, in pixels."""
    length = 0.0
    for run in runs(text):
        shaped, direction = _laid_out(run)
        length += font(run.face, size, weight).getlength(shaped, direction=direction)
    return length


def write(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    colour: str,
    size: int,
    weight: Weight = PLAIN,
) -> None:
    """Write a drawable text; `place` is where its baseline begins, at the left."""
    x, y = place
    for run in runs(text):
        of, shaped, direction = font(run.face, size, weight), *_laid_out(run)
        pen.text((x, y), shaped, colour, of, anchor="ls", direction=direction)
        x += of.getlength(shaped, direction=direction)


def _laid_out(run: Run) -> tuple[str, Direction | None]:
    if SHAPED:
        return run.text, run.direction
    return run.text if run.direction == "ltr" else run.text[::-1], None


def runs(text: str) -> list[Run]:
    """The runs from left to right: UAX #9 without nesting, which no name of a tool needs."""
    directions = _directions(text)
    letters = zip(_faces_of(text), directions, text, strict=True)
    found = [
        Run("".join(letter for *_, letter in group), face, direction)
        for (face, direction), group in groupby(letters, key=lambda each: each[:2])
    ]
    reversed_whole = _base(text) == "rtl"
    ordered: list[Run] = []
    for direction, group in groupby(found, key=lambda run: run.direction):
        segment = list(group)
        left_to_right = segment if direction == "ltr" else segment[::-1]
        ordered = left_to_right + ordered if reversed_whole else ordered + left_to_right
    return ordered


def _base(text: str) -> Direction:
    return next(filter(None, map(_strong, text)), "ltr")


def _strong(letter: str) -> Direction | None:
    match unicodedata.bidirectional(letter):
        case "L" | "EN" | "AN":
            return "ltr"
        case "R" | "AL":
            return "rtl"
        case _:
            return None


def _directions(text: str) -> list[Direction]:
    """Of each letter; one without a direction has that of both its neighbours, else the text's."""
    base = _base(text)
    found: list[Direction] = []
    for strong, group in groupby(text, key=_strong):
        length = sum(1 for _ in group)
        before = found[-1] if found else base
        after = next(filter(None, map(_strong, text[len(found) + length :])), base)
        found += [strong or (before if before == after else base)] * length
    return found


def _faces_of(text: str) -> Iterator[Face]:
    """Of each letter. A mark stays with the letter before; other letters of the text tell whose Han
    letters are meant."""
    country = _country(text)
    before: Face | None = None
    for letter in text:
        face = face_of(letter) or faces()[0]
        if before is not None and unicodedata.category(letter) in MARKS and _has(before, letter):
            face = before
        elif face.path.endswith(CJK):
            face = Face(face.path, country)
        before = face
        yield face


def _country(text: Iterable[str]) -> int:
    names = [unicodedata.name(letter, "") for letter in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return JAPANESE
    return KOREAN if any(name.startswith("HANGUL") for name in names) else CHINESE
