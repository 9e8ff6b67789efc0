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


@dataclass
class Result:
    """The rates of all rounds by opponent, in `unit`."""

    title: str
    unit: str
    rates: dict[str, list[float]]
    aims: list[Aim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def ratios(self, aim: Aim) -> list[float]:
        pairs = zip(self.rates[aim.ours], self.rates[aim.theirs], strict=True)
        return [ours / theirs for ours, theirs in pairs]

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
        ratios = [asdict(aim) | {"ratios": self.ratios(aim)} for aim in self.aims]
        return asdict(self) | {"aims": ratios}


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
        table.add_row(name, *(_figure(f(rates)) for f in (median, min, max)))
    console.print(table)
    for aim in result.aims:
        ratios = result.ratios(aim)
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        reached = ""
        if aim.at_least is not None:
            met = median(ratios) >= aim.at_least
            reached = f"  aim {aim.at_least:g}: {'[green]met' if met else '[red]missed'}[/]"
        console.print(
            f"  {aim.ours} / {aim.theirs}: [bold]{median(ratios):.2f}[/]  ({each}){reached}",
            highlight=False,
        )
    for note in result.notes:
        console.print(f"  {note}", highlight=False)
    console.print()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
