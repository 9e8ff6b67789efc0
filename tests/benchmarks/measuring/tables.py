"""The aims and what was reached, as tables of Markdown pages: of the figures that are saved."""

import json
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.measuring.rounds import figure

BEGIN, END = "<!-- figures: {} -->", "<!-- end -->"


def fill(page: Path, folder: Path) -> None:
    """Write the tables of the page anew. One lies between a comment that says of which benchmarks
    it is, such as `<!-- figures: append http -->`, and `<!-- end -->`."""
    page.write_text(filled(page.read_text(), folder))


def filled(text: str, folder: Path) -> str:
    """The text with its tables written anew."""
    mark = BEGIN.partition("{}")[0]
    first, *rest = text.split(mark)
    parts = [first]
    for part in rest:
        names, _, after = part.partition(" -->")
        _, end, tail = after.partition(END)
        if not end:
            raise ValueError(f"a table of {names} has no end")
        parts += [mark, names, " -->\n\n", _table(names.split(), folder), "\n", END, tail]
    return "".join(parts)


def _table(names: list[str], folder: Path) -> str:
    lines = ["| what | measured | aim | |", "|---|---|---|---|"]
    for name in names:
        saved = folder / f"{name}.json"
        if not saved.exists():
            lines.append(f"| `make bench ARGS={name}` | not measured | | |")
            continue
        for result in json.loads(saved.read_text())["results"]:
            lines += [_row(name, result, bound) for bound in result["reached"] if _counts(bound)]
    return "\n".join(lines) + "\n"


def _counts(bound: dict[str, Any]) -> bool:
    return bound["aim"] is not None


def _row(name: str, result: dict[str, Any], bound: dict[str, Any]) -> str:
    aim = f"{'≥' if bound['at_least'] else '≤'} {bound['aim']:g}"
    said = "met" if bound["met"] else "**missed**"
    measured = figure(median(bound["figures"]))
    return f"| {result['title']}: {bound['name']} | {measured} | {aim} | {said} |"
