"""What was measured, as numbers (JSON) and as a plot (SVG): one of each for a benchmark."""

import io
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib import pyplot

from tests.benchmarks.measuring.rounds import Result

# Text stays text, and the same numbers make the same file.
mpl.use("svg")
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "votes", "font.family": "sans-serif"}
WIDTH_IN, ROW_IN, HEAD_IN = 8.0, 0.32, 1.1
COLOUR = "#3b5bdb"


def save(name: str, results: list[Result], folder: Path) -> None:
    """Write NAME.json and NAME.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    where = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
    written = {"measured": where, "results": [result.as_dict() for result in results]}
    (folder / f"{name}.json").write_text(json.dumps(written, indent=1) + "\n")
    heights = [HEAD_IN + ROW_IN * len(result.rates) for result in results]
    figure, axes = pyplot.subplots(
        len(results),
        figsize=(WIDTH_IN, sum(heights)),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for result, row in zip(results, axes, strict=True):
        _bars(result, row[0])
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": name})
    pyplot.close(figure)
    lines = (line.rstrip() for line in drawn.getvalue().splitlines())
    (folder / f"{name}.svg").write_text("\n".join(lines) + "\n")


def _bars(result: Result, axes: pyplot.Axes) -> None:
    """A bar to the median of each opponent, with a line from the least to the most."""
    names = list(result.rates)[::-1]
    medians = [median(result.rates[name]) for name in names]
    ends = [
        [middle - min(result.rates[name]) for name, middle in zip(names, medians, strict=True)],
        [max(result.rates[name]) - middle for name, middle in zip(names, medians, strict=True)],
    ]
    axes.barh(names, medians, xerr=ends, color=COLOUR, height=0.6, ecolor="#868e96", capsize=2)
    axes.set_title(f"{result.title} ({result.unit})", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_formatter("{x:,.10g}")
