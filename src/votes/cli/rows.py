"""Files of rows: CSV or NDJSON in UTF-8, read row by row, with line numbers."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from votes.formats import unambiguous

LINE_BYTES_MAX = 1024 * 1024
PEEK_BYTES = 4096
_BOM = b"\xef\xbb\xbf"

Row = tuple[int, dict[str, Any] | str]
"""The number of a row's first line, and its fields or the reason why it cannot be read."""


def rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """The rows of a CSV file with a header, or of NDJSON; the first character says which."""
    start: bytes = file.peek(PEEK_BYTES) if hasattr(file, "peek") else b""
    first = start.removeprefix(_BOM).lstrip()[:1]
    if first == b"[":
        raise click.ClickException(f"{name}: expected one JSON object a line, not a list")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise click.ClickException(f"{name}: this is UTF-16, expected UTF-8")
    lines = _Lines(file)
    return _ndjson(lines) if first in (b"{", b"") else _csv(lines, name)


class _Lines:
    """The lines of a file; `number` is that of the last one. An unreadable line raises
    `ValueError`; the iteration can go on after it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(LINE_BYTES_MAX)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = self._file.readline(LINE_BYTES_MAX)
            raise ValueError(f"longer than {LINE_BYTES_MAX} bytes")
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8: {error.reason}") from error


def _ndjson(lines: _Lines) -> Iterator[Row]:
    while True:
        try:
            line = next(lines, None)
            if line is None:
                return
            fields = msgspec.json.decode(line) if line.strip() else None
            if isinstance(fields, dict):
                unambiguous.check(line)
        except (ValueError, RecursionError) as error:
            yield lines.number, f"JSON: {error}"
            continue
        if line.strip():
            yield lines.number, fields if isinstance(fields, dict) else "no JSON object"


def _csv(lines: _Lines, name: str) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    while True:
        start = lines.number + 1
        try:
            cells = next(reader, None)
        except (csv.Error, ValueError) as error:
            if not header:
                raise click.ClickException(f"{name}: the header cannot be read: {error}") from error
            yield start, f"no CSV: {error}"
            continue
        if cells is None:
            return
        if not header:
            header = cells
            if twice := _repeated(header):
                raise click.ClickException(f"{name}: the column {twice!r} occurs twice")
        elif len(cells) == len(header):
            yield start, {key: cell for key, cell in zip(header, cells, strict=True) if cell != ""}
        elif cells:
            yield start, "not as many columns as the header"


def _repeated(header: list[str]) -> str | None:
    """A column that occurs twice, ignoring columns without a name."""
    counts = Counter(column for column in header if column)
    return next((column for column, count in counts.items() if count > 1), None)


def opened(path: Path) -> BinaryIO:
    """The file for reading; `-` is standard input."""
    return click.open_file(str(path), "rb")  # type: ignore[return-value]
