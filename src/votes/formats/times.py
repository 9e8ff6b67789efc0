"""Times as files have them: since 1970 in seconds or parts of them, or written out."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from votes.formats.saved import EPOCH

_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,9})?")
_MICROSECONDS = ((10**11, 10**6), (10**14, 10**3), (10**17, 1))
"""Numbers below the first are multiples of so many microseconds: a number of seconds that large
would be in the year 5138."""
_ZONE_NAME = re.compile(r"\s*(?:UTC|GMT)\Z")
TEXT_LENGTH_MAX = 64


def moment(written: Any) -> datetime | None:
    """The time in UTC, None where there is none; 0 stands for none too."""
    text = str(written).strip() if isinstance(written, str | int | float) else ""
    if not text or len(text) > TEXT_LENGTH_MAX or isinstance(written, bool):
        return None
    with suppress(ValueError, OverflowError):
        if _NUMBER.fullmatch(text):
            return _counted(Decimal(text))
        return _in_utc(_written_out(text))
    return None


def _counted(number: Decimal) -> datetime | None:
    for below, microseconds in _MICROSECONDS:
        if 0 < number < below:
            return EPOCH + timedelta(microseconds=int(number * microseconds))
    return EPOCH + timedelta(microseconds=int(number / 1000)) if number else None


def _written_out(text: str) -> datetime:
    try:
        return datetime.fromisoformat(_ZONE_NAME.sub("+00:00", text))
    except ValueError:
        return parsedate_to_datetime(text)


def _in_utc(at: datetime) -> datetime | None:
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at if at > EPOCH else None
