"""The queries of `queries.sql` by name."""

import re
from importlib.resources import files

_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)

QUERIES: dict[str, str] = dict(_NAMED.findall((files("votes.store") / "queries.sql").read_text()))
