"""Bursts: windows in which a tool got many more votes than around them.

The windows of a width are two neighbouring cells of a grid of half that width, so any stretch of
half the width lies within one. A cell of the next wider grid is eight cells: what a tool gets
around a window is counted in the three wider cells at it. Counts are kept by cell, and a vote
changes those of its own cell alone."""

from collections import Counter
from collections.abc import Iterator
from math import sqrt

from msgspec import Struct

from votes.scan.casts import Cast

CELL_S = 1_800
STEP = 8
SCALES = 4
"""Windows of 1 h, 8 h, 64 h and 21 days."""
BURST_VOTES_MIN = 8
BURST_SIGMAS = 6.0


class Window(Struct, frozen=True, order=True):
    """A burst on a tool from `start_s` on and before `end_s`."""

    tool: str
    start_s: int
    end_s: int


def width_s(scale: int) -> int:
    """How long a cell of the scale is; a window is twice as long."""
    return CELL_S * int(STEP**scale)


class Bursts:
    """The bursts of a scale."""

    def __init__(self, scale: int) -> None:
        self._cell_s, self._wider_s = width_s(scale), width_s(scale + 1)
        self._cells: Counter[tuple[str, int]] = Counter()
        self._wider: Counter[tuple[str, int]] = Counter()
        self._unchecked: dict[tuple[str, int], None] = {}
        self._found: dict[tuple[str, int], int] = {}

    def add(self, cast: Cast) -> None:
        tool, cell = cast.tool, cast.at_s // self._cell_s
        self._cells[tool, cell] += 1
        self._wider[tool, cast.at_s // self._wider_s] += 1
        self._unchecked[tool, cast.at_s // self._wider_s] = None

    def windows(self) -> Iterator[Window]:
        """All bursts. A window with as many votes as the one before it is none."""
        self._check()
        for tool, cell in sorted(self._found):
            start_s = cell * self._cell_s
            yield Window(tool, start_s, start_s + 2 * self._cell_s)

    def _check(self) -> None:
        """Look again at the windows at which the counts, or those around them, changed."""
        changed = {
            (tool, near) for tool, wide in self._unchecked for near in range(wide - 1, wide + 2)
        }
        self._unchecked.clear()
        for tool, wide in changed:
            near = self._wider.get((tool, wide - 1), 0) + self._wider.get((tool, wide), 0)
            if near + self._wider.get((tool, wide + 1), 0) < BURST_VOTES_MIN:
                continue
            for cell in range(wide * STEP - 1, (wide + 1) * STEP):
                votes = self._votes(tool, cell)
                if self._is_burst(tool, cell, votes):
                    self._found[tool, cell] = votes
                else:
                    self._found.pop((tool, cell), None)

    def _votes(self, tool: str, cell: int) -> int:
        return self._cells.get((tool, cell), 0) + self._cells.get((tool, cell + 1), 0)

    def _is_burst(self, tool: str, cell: int, votes: int) -> bool:
        if votes < BURST_VOTES_MIN:
            return False
        if votes <= self._votes(tool, cell - 1) or votes < self._votes(tool, cell + 1):
            return False
        wide = cell // STEP
        around = sum(self._wider.get((tool, wide + near), 0) for near in (-1, 0, 1)) - votes
        usual = around / (3 * STEP / 2 - 1)
        return votes >= BURST_VOTES_MIN + usual + BURST_SIGMAS * sqrt(usual)
