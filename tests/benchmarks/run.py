"""Benchmarks: each measures us beside named opponents, in turns, in the same run.

    python tests/benchmarks/run.py [NAME …] [--rounds N] [--seconds S] [--save DIR]

Other load on the machine moves all numbers; the ratios are taken round by round and move less. It
exits with 1 where a ratio is so small that something must be broken.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAVED = ROOT / "docs" / "benchmarks"
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")
"""Those with tables of the figures that are saved in the tree."""
NAMES = (
    "append",
    "imports",
    "http",
    "tries",
    "freshness",
    "fold",
    "live",
    "openings",
    "past",
    "limits",
    "fraud",
    "lists",
    "search",
    "growth",
    "bookmarks",
    "processes",
    "idle",
)


def main() -> None:
    """Run the benchmarks that are named, all of them by default."""
    sys.path[0] = str(ROOT)
    from rich.console import Console

    from tests.benchmarks import fraud, search
    from tests.benchmarks.api import bookmarks, first_tries, idle, limits, lists, processes, serve
    from tests.benchmarks.log import append, fold, growth, imports, past
    from tests.benchmarks.measuring.rounds import Settings, report
    from tests.benchmarks.streams import freshness, live, openings

    options = _options()
    settings = Settings(options.rounds, options.seconds, options.large)
    benchmarks = {"append": append, "http": serve, "freshness": freshness, "fold": fold}
    benchmarks["tries"] = first_tries
    benchmarks |= {"live": live, "openings": openings, "past": past, "limits": limits}
    benchmarks |= {"fraud": fraud, "lists": lists, "search": search, "bookmarks": bookmarks}
    benchmarks |= {"growth": growth, "imports": imports}
    benchmarks |= {"processes": processes, "idle": idle}
    broken = []
    for name in dict.fromkeys(options.names or NAMES):
        results = benchmarks[name].run(settings)
        for result in results:
            report(result, Console())
            broken += result.below_floor()
        if options.save is not None:
            from tests.benchmarks.measuring import plots, tables

            plots.save(name, results, options.save)
            if options.save.resolve() == SAVED:
                for page in PAGES:
                    tables.fill(page, SAVED)
    if broken:
        raise SystemExit("\n".join(broken))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each opponent (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (2)")
    parser.add_argument("--large", action="store_true", help="sizes too that take many minutes")
    parser.add_argument("--save", type=Path, help="write numbers and plots to this folder as well")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    return options


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


if __name__ == "__main__":
    main()
