"""JSON that says one thing only: of a field said twice, readers may believe either."""

import json
from typing import Any


def _each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(fields)
    if len(found) != len(fields):
        raise ValueError("A field is given twice")
    return found


check = json.JSONDecoder(object_pairs_hook=_each_once).decode
"""Raises `ValueError` where an object of the text has a field twice."""
