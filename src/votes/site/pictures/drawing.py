"""The picture of a page for other sites (Open Graph): 1200 by 630, drawn by Pillow."""

import re
from collections.abc import Sequence
from io import BytesIO

from msgspec import Struct
from PIL import Image, ImageDraw

from votes.site.pictures.lettering import BOLD, PLAIN, Weight, drawable, width, write
from votes.site.verdicts import SHIP, SKIP, SOFT, Look

SIZE = (1200, 630)
MARGIN = 72
GUTTER = 96
RIGHT = SIZE[0] - MARGIN
COLOURS = 128
NAME_SIZES = (96, 84, 74, 66, 58, 50, 44)
LABEL_SIZES = (44, 36, 30)
COUNT_SIZES = (24, 20, 16, 12)
NAME_LINES_MAX = 2
TAGLINE_LINES_MAX = 2
ELLIPSIS = "…"

PAPER, INK, LINE = "#f8f6f0", "#171612", "#ddd8ca"

_ALONE = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
"""Han and kana, between which a line may break."""
_WORDS = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+\s*|\s+")


class Opinion(Struct, frozen=True):
    """A verdict on a tool: its look, the votes or reviews that it rests on, the panel's score."""

    of: str
    verdict: Look
    ship: int
    skip: int
    score: int | None = None


class Side(Struct, frozen=True):
    """A tool in the picture."""

    slug: str
    name: str
    tagline: str
    opinions: tuple[Opinion, ...]


class Row(Struct, frozen=True):
    """A tool in the picture of a list: its name, and the verdicts on it."""

    name: str
    verdicts: tuple[tuple[str, Look], ...]


class Cover(Struct, frozen=True):
    """A page that lists tools: what it is called, what it says of itself, its first tools."""

    title: str
    about: str
    rows: tuple[Row, ...]


Subject = tuple[Side, ...] | Cover
"""What a picture is of: one tool, two tools, or a list."""


def draw(subject: Subject, address: str) -> bytes:
    """The picture as PNG. `address` is shown as where the page is; empty where that is unknown."""
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    _top(pen, address)
    if isinstance(subject, Cover):
        _cover(pen, subject)
    else:
        _sides(pen, subject)
        if len(subject) > 1:
            _versus(image, pen)
    out = BytesIO()
    image.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(out, "PNG")
    return out.getvalue()


def _top(pen: ImageDraw.ImageDraw, address: str) -> None:
    """The site's name and the page's address."""
    x = float(MARGIN)
    for word, colour in (("ship", SHIP.light), ("or", SOFT.light), ("skip", SKIP.light)):
        weight = PLAIN if word == "or" else BOLD
        write(pen, (x, 98), word, colour, 38, weight)
        long = width(word, 38, weight)
        if word == "skip":
            pen.line((x, 88, x + long, 88), colour, 4)
        x += long + 11
    room = RIGHT - x - GUTTER
    shown = _cut(drawable(address), int(room), 24, PLAIN)
    write(pen, (RIGHT - width(shown, 24), 96), shown, SOFT.light, 24)


def _sides(pen: ImageDraw.ImageDraw, sides: Sequence[Side]) -> None:
    wide = (SIZE[0] - 2 * MARGIN - GUTTER * (len(sides) - 1)) // len(sides)
    names = [drawable(side.name) or side.slug for side in sides]
    size = min(_fitting(name, wide) for name in names)
    written = [_lines(name, wide, size, BOLD, NAME_LINES_MAX) for name in names]
    below = 150 + int(size * 1.12) * max(map(len, written))
    for number, (lines, side) in enumerate(zip(written, sides, strict=True)):
        x = MARGIN + number * (wide + GUTTER)
        for row, line in enumerate(lines):
            write(pen, (x, 150 + size * 0.86 + row * size * 1.12), line, INK, size, BOLD)
        small = 32 if len(sides) == 1 else 25
        rows = max(min(TAGLINE_LINES_MAX, (400 - below) // int(small * 1.4)), 1)
        tagline = _lines(drawable(side.tagline), wide, small, PLAIN, rows)
        for row, line in enumerate(tagline):
            write(pen, (x, below + small * (1.3 + 1.4 * row)), line, SOFT.light, small)
        each = (wide - GUTTER // 2 * (len(side.opinions) - 1)) // len(side.opinions)
        for place, opinion in enumerate(side.opinions):
            _opinion(pen, opinion, x + place * (each + GUTTER // 2), each)


def _opinion(pen: ImageDraw.ImageDraw, opinion: Opinion, x: int, wide: int) -> None:
    write(pen, (x, 436), opinion.of, SOFT.light, 24)
    if opinion.score is not None:
        score = f"{opinion.score}/100"
        write(pen, (x + wide - width(score, 24, BOLD), 436), score, INK, 24, BOLD)
    label, tone = opinion.verdict.label, opinion.verdict.tone.light
    write(pen, (x, 490), label, tone, _narrowed(label, wide, LABEL_SIZES), BOLD)
    pen.rounded_rectangle((x, 516, x + wide, 527), 5, LINE)
    total = opinion.ship + opinion.skip
    if not total:
        return
    shipped = round(wide * opinion.ship / total)
    pen.rounded_rectangle((x, 516, x + wide, 527), 5, SKIP.light if opinion.skip else SHIP.light)
    if opinion.skip and opinion.ship:
        pen.rounded_rectangle((x, 516, x + shipped, 527), 5, SHIP.light)
        pen.rectangle((x + shipped - 5, 516, x + shipped, 527), SHIP.light)
    ship, skip = f"{opinion.ship:,} ship", f"{opinion.skip:,} skip"
    size = _narrowed(f"{ship}  {skip}", wide, COUNT_SIZES)
    write(pen, (x, 562), ship, SHIP.light, size, BOLD)
    write(pen, (x + wide - width(skip, size, BOLD), 562), skip, SKIP.light, size, BOLD)


def _versus(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    """The line between two tools; its disc is drawn large and reduced, for a smooth edge."""
    middle, radius = SIZE[0] // 2, 32
    pen.line((middle, 150, middle, 562), LINE, 2)
    disc = Image.new("L", (8 * radius, 8 * radius))
    ImageDraw.Draw(disc).ellipse((0, 0, 8 * radius - 1, 8 * radius - 1), 255)
    disc = disc.resize((2 * radius, 2 * radius), Image.Resampling.LANCZOS)
    image.paste(INK, (middle - radius, 322), disc)
    write(pen, (middle - width("vs", 28) / 2, 363), "vs", PAPER, 28)


def _cover(pen: ImageDraw.ImageDraw, cover: Cover) -> None:
    wide = RIGHT - MARGIN
    title = drawable(cover.title)
    size = _narrowed(title, wide, NAME_SIZES)
    lines = _lines(title, wide, size, BOLD, NAME_LINES_MAX)
    for row, line in enumerate(lines):
        write(pen, (MARGIN, 150 + size * 0.86 + row * size * 1.12), line, INK, size, BOLD)
    below = 150 + int(size * 1.12) * len(lines)
    about = _lines(drawable(cover.about), wide, 30, PLAIN, 1)
    for line in about:
        write(pen, (MARGIN, below + 38), line, SOFT.light, 30)
    room = (562 - below - 70) // 58
    for number, shown in enumerate(cover.rows[:room]):
        _row(pen, shown, below + 118 + number * 58)


def _row(pen: ImageDraw.ImageDraw, row: Row, y: int) -> None:
    pen.line((MARGIN, y - 39, RIGHT, y - 39), LINE, 2)
    x = float(RIGHT)
    for of, verdict in reversed(row.verdicts):
        x -= width(verdict.label, 28, BOLD)
        write(pen, (x, y), verdict.label, verdict.tone.light, 28, BOLD)
        x -= width(of, 24) + 12
        write(pen, (x, y), of, SOFT.light, 24)
        x -= 40
    name = _cut(drawable(row.name), int(x) - MARGIN, 30, BOLD)
    write(pen, (MARGIN, y), name, INK, 30, BOLD)


def _fitting(text: str, wide: int) -> int:
    """The largest size at which the text fits without a break in a word, or the smallest size."""
    for size in NAME_SIZES:
        lines = _wrapped(_WORDS.findall(text), wide, size, BOLD)
        if len(lines) <= NAME_LINES_MAX and all(_fits(line, wide, size, BOLD) for line in lines):
            return size
    return NAME_SIZES[-1]


def _narrowed(text: str, wide: int, sizes: Sequence[int]) -> int:
    """The largest size at which the text fits in one line, or the smallest."""
    return next((size for size in sizes if _fits(text, wide, size, BOLD)), sizes[-1])


def _lines(text: str, wide: int, size: int, weight: Weight, lines_max: int) -> list[str]:
    """The text in at most so many lines, cut at the end of the last. A word that is wider than a
    line is broken."""
    lines = _wrapped(_WORDS.findall(text), wide, size, weight)
    if not all(_fits(line, wide, size, weight) for line in lines):
        lines = _wrapped(list(text), wide, size, weight)
    if len(lines) > lines_max:
        lines[lines_max - 1 :] = ["".join(lines[lines_max - 1 :])]
    return [_cut(line.rstrip(), wide, size, weight) for line in lines]


def _wrapped(units: Sequence[str], wide: int, size: int, weight: Weight) -> list[str]:
    lines: list[str] = []
    for unit in units:
        if lines and _fits(lines[-1] + unit, wide, size, weight):
            lines[-1] += unit
        else:
            lines.append(unit)
    return lines


def _fits(text: str, wide: int, size: int, weight: Weight) -> bool:
    return width(text.rstrip(), size, weight) <= wide


def _cut(text: str, wide: int, size: int, weight: Weight) -> str:
    if _fits(text, wide, size, weight):
        return text
    while text and not _fits(text + ELLIPSIS, wide, size, weight):
        text = text[:-1]
    return text.rstrip() + ELLIPSIS
