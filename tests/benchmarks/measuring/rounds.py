"""Turns, medians and ratios.

Opponents take turns, in the opposite order every other round, so what drifts on a shared machine
meets all alike. A ratio is taken within each round; the median of those is what counts.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

WARM_UP_SHARE = 0.25
PAUSE_S = 0.2

Turn = Callable[[float], float | Awaitable[float]]


@dataclass(frozen=True)
class Settings:
    rounds: int
    seconds: float
    large: bool = False
    """The sizes too that take many minutes."""


@dataclass(frozen=True)
class Aim:
    """`ours` over `theirs`, which is to be at least `at_least`.

    Below `floor` something is broken, however busy the machine is.
    """

    ours: str
    theirs: str
    at_least: float | None = None
    floor: float = 0.0


@dataclass(frozen=True)
class Bound:
    """What was measured in each round, and the aim that its median is to reach: at most so much, or
    `at_least`. An aim of None is none."""

    name: str
    figures: list[float]
    aim: float | None
    at_least: bool = False

    @property
    def measured(self) -> float:
        return median(self.figures)

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.measured >= self.aim if self.at_least else self.measured <= self.aim


@dataclass
class Result:
    """The rates of all rounds by opponent, in `unit`."""

    title: str
    unit: str
    rates: dict[str, list[float]]
    aims: list[Aim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)

    def ratios(self, aim: Aim) -> list[float]:
        pairs = zip(self.rates[aim.ours], self.rates[aim.theirs], strict=True)
        return [ours / theirs for ours, theirs in pairs]

    def reached(self) -> list[Bound]:
        """All that was to be reached, the ratios first."""
        ratios = [
            Bound(f"{aim.ours} / {aim.theirs}", self.ratios(aim), aim.at_least, at_least=True)
            for aim in self.aims
        ]
        return [*ratios, *self.bounds]

    def below_floor(self) -> list[str]:
        """The ratios that say that something is broken."""
        medians = {f"{aim.ours} / {aim.theirs}": median(self.ratios(aim)) for aim in self.aims}
        floors = [aim.floor for aim in self.aims]
        return [
            f"{self.title}: {name} is {ratio:.2f}, below {floor:g}"
            for (name, ratio), floor in zip(medians.items(), floors, strict=True)
            if ratio < floor
        ]

    def as_dict(self) -> dict[str, Any]:
        reached = [asdict(bound) | {"met": bound.met} for bound in self.reached()]
        return {
            "title": self.title,
            "unit": self.unit,
            "rates": self.rates,
            "reached": reached,
            "notes": self.notes,
        }


async def alternate(opponents: dict[str, Turn], settings: Settings) -> dict[str, list[float]]:
    """The rates of each opponent, after a short turn of each that does not count."""
    rates: dict[str, list[float]] = {name: [] for name in opponents}
    for turn in opponents.values():
        await _rate(turn, settings.seconds * WARM_UP_SHARE)
    for number in range(settings.rounds):
        names = list(opponents)
        for name in names if number % 2 == 0 else reversed(names):
            rates[name].append(await _rate(opponents[name], settings.seconds))
    return rates


async def _rate(turn: Turn, seconds: float) -> float:
    time.sleep(PAUSE_S)  # noqa: ASYNC251 - nothing else is to run
    rate = turn(seconds)
    return rate if isinstance(rate, float) else await rate


def report(result: Result, console: Console) -> None:
    table = Table(title=f"{result.title} ({result.unit})", title_justify="left")
    table.add_column("")
    for heading in ("median", "least", "most"):
        table.add_column(heading, justify="right")
    for name, rates in result.rates.items():
        table.add_row(name, *(figure(f(rates)) for f in (median, min, max)))
    console.print(table)
    for bound in result.reached():
        each = " ".join(figure(one) for one in bound.figures)
        aim = ""
        if bound.aim is not None:
            what = "at least" if bound.at_least else "at most"
            aim = f"  {what} {bound.aim:g}: {'[green]met' if bound.met else '[red]missed'}[/]"
        console.print(
            f"  {bound.name}: [bold]{figure(bound.measured)}[/]  ({each}){aim}", highlight=False
        )
    for note in result.notes:
        console.print(f"  {note}", highlight=False)
    console.print()


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
