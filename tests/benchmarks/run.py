"""Benchmarks: each measures us beside named opponents, in turns, in the same run.

    python tests/benchmarks/run.py [NAME …] [--rounds N] [--seconds S]

Other load on the machine moves all numbers; the ratios are taken round by round and move less.
"""

import argparse
import json
import sys
from pathlib import Path

NAMES = (
    "append",
    "http",
    "freshness",
    "fold",
    "live",
    "openings",
    "past",
    "limits",
    "fraud",
    "lists",
    "search",
)


def main() -> None:
    """Run the benchmarks that are named, all of them by default."""
    sys.path[0] = str(Path(__file__).parents[2])
    from rich.console import Console

    from tests.benchmarks import (
        append,
        fold,
        fraud,
        freshness,
        limits,
        lists,
        live,
        openings,
        past,
        search,
        serve,
    )
    from tests.benchmarks.rounds import Settings, report

    options = _options()
    settings = Settings(options.rounds, options.seconds)
    benchmarks = {"append": append, "http": serve, "freshness": freshness, "fold": fold}
    benchmarks |= {"live": live, "openings": openings, "past": past, "limits": limits}
    benchmarks |= {"fraud": fraud, "lists": lists, "search": search}
    results = []
    for name in dict.fromkeys(options.names or NAMES):
        for result in benchmarks[name].run(settings):
            report(result, Console())
            results.append(result.as_dict())
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each opponent (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (2)")
    parser.add_argument("--json", type=Path, help="write the numbers to this file as well")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    return options


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


if __name__ == "__main__":
    main()
