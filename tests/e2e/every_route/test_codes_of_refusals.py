"""Each code that the program refuses with is in the table, and the table has no other."""

import ast
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from votes.http.errors import REFUSALS, TITLES

HOME = Path(str(files("votes")))
REFUSING = {"Refused", "Rejected", "problem_response"}


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def refused_with(path: Path) -> Iterator[str]:
    """The codes that are spelled where a refusal is made."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.func.id in REFUSING and node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def spelled(path: Path) -> Iterator[str]:
    """All texts of a file but for the keys of mappings, so not those of the table."""
    keys = {id(key) for node in nodes(path) if isinstance(node, ast.Dict) for key in node.keys}
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys:
            yield node.value


def test_every_code_that_is_used_is_in_the_table():
    used = {code for path in HOME.rglob("*.py") for code in refused_with(path)}
    assert len(used) > 15
    assert used <= REFUSALS.keys()


def test_every_code_of_the_table_is_used():
    elsewhere = {text for path in HOME.rglob("*.py") for text in spelled(path)}
    assert set(REFUSALS) <= elsewhere


def test_every_status_has_one_title():
    assert {refusal.status for refusal in REFUSALS.values()} == TITLES.keys()
