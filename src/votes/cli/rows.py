"""Files of rows: CSV or NDJSON, with line numbers, read as they come."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

LINE_BYTES_MAX = 1024 * 1024

Row = tuple[int, dict[str, Any] | str]
"""A line's number and its fields, or why it cannot be read."""


def rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """The rows of a CSV file with a header, or of NDJSON: told apart by the first character."""
    first = file.peek(1)[:1] if hasattr(file, "peek") else b""
    if first in (b"{", b""):
        return _ndjson(file)
    if first == b"[":
        raise click.UsageError(f"{name}: one JSON object a line is wanted, not a list")
    return _csv(file)


def _lines(file: BinaryIO) -> Iterator[str]:
    while line := file.readline(LINE_BYTES_MAX):
        yield line.decode("utf-8-sig", errors="replace")


def _ndjson(file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"no JSON: {error}"
            continue
        yield number, fields if isinstance(fields, dict) else "no JSON object"


def _csv(file: BinaryIO) -> Iterator[Row]:
    reader = csv.DictReader(_lines(file), strict=True)
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, f"no CSV: {error}"
            continue
        if fields is None:
            return
        if None in fields or None in fields.values():
            yield reader.line_num, "not as many columns as the header"
            continue
        yield reader.line_num, {key: value for key, value in fields.items() if value != ""}


def opened(path: Path) -> BinaryIO:
    """The file for reading; `-` is standard input."""
    return click.open_file(str(path), "rb")  # type: ignore[return-value]
