"""The picture of a page for other sites (Open Graph): 1200 by 630, drawn by Pillow."""

from functools import cache
from io import BytesIO

from msgspec import Struct
from PIL import Image, ImageDraw, ImageFont

from votes.site.verdicts import SHIP, SKIP, SOFT, Look

SIZE = (1200, 630)
MARGIN = 72
GUTTER = 96
COLOURS = 128
NAME_SIZES = (104, 92, 80, 70, 60, 52, 44)
NAME_LINES_MAX = 2

PAPER, INK, LINE = "#f8f6f0", "#171612", "#ddd8ca"

Font = ImageFont.FreeTypeFont


class Opinion(Struct, frozen=True):
    """A verdict on a tool: its look, and the votes or reviews that it rests on."""

    of: str
    verdict: Look
    count: str
    ship_share: float | None


class Side(Struct, frozen=True):
    """A tool in the picture."""

    slug: str
    name: str
    opinions: tuple[Opinion, ...]


@cache
def font(size: int) -> Font:
    """The font that comes with Pillow."""
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):  # a Pillow built without FreeType
        raise TypeError("Pillow has no scalable font here")
    return found


def draw(sides: list[Side]) -> bytes:
    """The picture of one tool or of two, as PNG."""
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    _wordmark(pen)
    width = (SIZE[0] - 2 * MARGIN - GUTTER * (len(sides) - 1)) // len(sides)
    names = [side.name if _drawable(side.name) else side.slug for side in sides]
    size = min(_fitting(pen, name, width) for name in names)
    for number, (name, side) in enumerate(zip(names, sides, strict=True)):
        x = MARGIN + number * (width + GUTTER)
        _name(pen, name, size, x, width)
        wide = (width - MARGIN // 2) // len(side.opinions)
        for place, opinion in enumerate(side.opinions):
            _opinion(pen, opinion, x + place * (wide + MARGIN // 2), wide)
    if len(sides) == 2:
        _versus(image, pen)
    out = BytesIO()
    image.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(out, "PNG")
    return out.getvalue()


def _versus(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    """The line between two tools; its disc is drawn large and reduced, for a smooth edge."""
    middle, radius = SIZE[0] // 2, 34
    pen.line((middle, 168, middle, 574), LINE, 2)
    disc = Image.new("L", (8 * radius, 8 * radius))
    ImageDraw.Draw(disc).ellipse((0, 0, 8 * radius - 1, 8 * radius - 1), 255)
    disc = disc.resize((2 * radius, 2 * radius), Image.Resampling.LANCZOS)
    image.paste(INK, (middle - radius, 290 - radius), disc)
    pen.text((middle, 289), "vs", PAPER, font(30), anchor="mm")


def _wordmark(pen: ImageDraw.ImageDraw) -> None:
    x = float(MARGIN)
    for word, colour in (("ship", SHIP.light), ("or", SOFT.light), ("skip", SKIP.light)):
        pen.text((x, 62), word, colour, font(40), stroke_width=int(word != "or"))
        if word == "skip":
            pen.line((x, 90, x + pen.textlength(word, font(40)), 90), colour, 4)
        x += pen.textlength(word, font(40)) + 12


def _name(pen: ImageDraw.ImageDraw, name: str, size: int, x: int, width: int) -> None:
    lines = _wrapped(pen, name, width, size)
    if len(lines) > NAME_LINES_MAX:
        lines[NAME_LINES_MAX - 1 :] = [" ".join(lines[NAME_LINES_MAX - 1 :])]
    for number, line in enumerate(lines):
        place = x, 166 + int(number * size * 1.1)
        pen.text(place, _cut(pen, line, width, size), INK, font(size), stroke_width=size // 52)


def _opinion(pen: ImageDraw.ImageDraw, opinion: Opinion, x: int, width: int) -> None:
    pen.text((x, 410), opinion.of, SOFT.light, font(26))
    label = _cut(pen, opinion.verdict.label, width, 46)
    pen.text((x, 440), label, opinion.verdict.tone.light, font(46), stroke_width=1)
    pen.text((x, 504), _cut(pen, opinion.count, width, 24), INK, font(24))
    pen.rectangle((x, 562, x + width, 572), LINE)
    if opinion.ship_share is not None:
        pen.rectangle((x, 562, x + width, 572), SKIP.light)
        pen.rectangle((x, 562, x + round(width * opinion.ship_share), 572), SHIP.light)


def _drawable(text: str) -> bool:
    """Whether the font has every letter: a missing one is drawn as the replacement box."""
    missing = bytes(font(32).getmask("\U0010fffd"))
    return all(bytes(font(32).getmask(letter)) != missing for letter in set(text) - {" "})


def _fitting(pen: ImageDraw.ImageDraw, text: str, width: int) -> int:
    """The largest size at which the text fits, or the smallest size."""
    for size in NAME_SIZES:
        lines = _wrapped(pen, text, width, size)
        if len(lines) <= NAME_LINES_MAX and all(_fits(pen, line, width, size) for line in lines):
            return size
    return NAME_SIZES[-1]


def _wrapped(pen: ImageDraw.ImageDraw, text: str, width: int, size: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and _fits(pen, f"{lines[-1]} {word}", width, size):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _fits(pen: ImageDraw.ImageDraw, text: str, width: int, size: int) -> bool:
    return pen.textlength(text, font(size)) + size // 20 <= width


def _cut(pen: ImageDraw.ImageDraw, text: str, width: int, size: int) -> str:
    if _fits(pen, text, width, size):
        return text
    while text and not _fits(pen, f"{text}…", width, size):
        text = text[:-1]
    return f"{text.rstrip()}…"
