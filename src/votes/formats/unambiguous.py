"""JSON without repeated fields: of a field given twice, parsers may take either value."""

import json
from typing import Any


def _each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    once = dict(fields)
    if len(once) != len(fields):
        raise ValueError("A field is given twice")
    return once


check = json.JSONDecoder(object_pairs_hook=_each_once).decode
"""Decodes JSON; raises `ValueError` where an object has a field twice."""
