"""The tables of what was measured are those of the saved figures."""

import json

import pytest

from tests.benchmarks.measuring.rounds import Aim, Bound, Result
from tests.benchmarks.measuring.tables import filled
from tests.benchmarks.run import PAGES, SAVED

TABLE = "before\n<!-- figures: one two -->old<!-- end -->\nafter\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_what_is_saved(page):
    text = page.read_text()
    assert "<!-- figures:" in text
    assert filled(text, SAVED) == text


def test_a_table_has_each_aim_and_whether_it_is_met(tmp_path):
    rates = {"ours": [30.0, 20.0, 10.0], "theirs": [10.0, 10.0, 10.0]}
    aims = [Aim("ours", "theirs", 2.5), Aim("theirs", "ours")]
    bounds = [Bound("ms", [1.0, 9.0, 2.0], 3.0), Bound("calls", [1_234.0], 1_000, at_least=True)]
    result = Result("a race", "runs/s", rates, aims, [], bounds)
    (tmp_path / "one.json").write_text(json.dumps({"results": [result.as_dict()]}))
    lines = filled(TABLE, tmp_path).splitlines()
    assert lines[5:-3] == [
        "| a race: ours / theirs | 2.00 | ≥ 2.5 | **missed** |",
        "| a race: ms | 2.00 | ≤ 3 | met |",
        "| a race: calls | 1,234 | ≥ 1000 | met |",
        "| `make bench ARGS=two` | not measured | | |",
    ]
    assert filled("\n".join(lines), tmp_path) == "\n".join(lines)


def test_a_table_without_an_end_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no end"):
        filled("<!-- figures: one -->", tmp_path)
