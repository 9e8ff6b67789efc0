"""Bursts: windows in which a tool got many more votes than around them.

The windows of a width are two neighbouring cells of a grid of half that width, so any stretch of
half the width lies within one. A cell of the next wider grid is eight cells: what a tool gets
around a window is counted in the three wider cells at it. A vote is counted in one cell of each
grid."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
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


Cell = tuple[str, int]
"""A tool, and the number of a cell of a grid."""


class Bursts:
    """The bursts of each scale."""

    def __init__(self) -> None:
        self._grids: list[Counter[Cell]] = [Counter() for _ in range(SCALES + 1)]
        self._unchecked: list[set[Cell]] = [set() for _ in range(SCALES)]
        """Of each scale cells of the next wider grid."""
        self._found: list[set[Cell]] = [set() for _ in range(SCALES)]
        self._wider = list(zip(self._grids[1:], self._unchecked, strict=True))

    def add(self, cast: Cast) -> None:
        number = cast.at_s // CELL_S
        self._grids[0][cast.tool, number] += 1
        for grid, unchecked in self._wider:
            number //= STEP
            cell = cast.tool, number
            grid[cell] += 1
            unchecked.add(cell)

    def windows(self, scale: int) -> Iterator[Window]:
        """All bursts. A window with as many votes as the one before it is none."""
        self._check(scale)
        for tool, number in sorted(self._found[scale]):
            start_s = number * width_s(scale)
            yield Window(tool, start_s, start_s + 2 * width_s(scale))

    def _check(self, scale: int) -> None:
        """Look again at the windows at which the counts, or those around them, changed."""
        grid, wider, found = self._grids[scale], self._grids[scale + 1], self._found[scale]
        changed = {
            (tool, near)
            for tool, wide in self._unchecked[scale]
            for near in range(wide - 1, wide + 2)
        }
        self._unchecked[scale].clear()
        for tool, wide in changed:
            near = sum(wider.get((tool, number), 0) for number in range(wide - 1, wide + 2))
            if near < BURST_VOTES_MIN:
                continue
            first = wide * STEP
            counts = [grid.get((tool, cell), 0) for cell in range(first - 1, first + STEP + 2)]
            votes = [one + next_ for one, next_ in pairwise(counts)]
            for place in range(STEP):
                before, here, after = votes[place : place + 3]
                if here > before and here >= after and _is_burst(here, near - here):
                    found.add((tool, first + place))
                else:
                    found.discard((tool, first + place))


def _is_burst(votes: int, around: int) -> bool:
    usual = around / (3 * STEP / 2 - 1)
    return votes >= BURST_VOTES_MIN + usual + BURST_SIGMAS * sqrt(usual)
