"""Query parameters that several routes take."""

from typing import Annotated

from litestar.params import Parameter

from votes.app.catalogue.paging import LIMIT_MAX
from votes.domain.terms import SLUG_LENGTH_MAX, SUBJECT_LENGTH_MAX
from votes.engine.log import POSITION_MAX

TEXT_LENGTH_MAX = 200
CURSOR_LENGTH_MAX = 2_000

MinPosition = Annotated[
    int,
    Parameter(
        ge=0,
        le=POSITION_MAX,
        schema_extra={"maximum": POSITION_MAX, "format": "int64"},  # Litestar makes it a float
        description="Answer at or after this position of the log, or 503 at the deadline.",
    ),
]
Limit = Annotated[int, Parameter(ge=1, le=LIMIT_MAX, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Parameter(max_length=CURSOR_LENGTH_MAX, description="`next_cursor` of the page before."),
]
Query = Annotated[
    str | None,
    Parameter(max_length=TEXT_LENGTH_MAX, description="Words that are looked for."),
]
Only = Annotated[
    str | None,
    Parameter(max_length=TEXT_LENGTH_MAX, description="Only those that have this one."),
]
Unsorted = Annotated[bool, Parameter(description="Only those that are in no collection.")]
OneTool = Annotated[str, Parameter(max_length=SLUG_LENGTH_MAX, description="A tool's slug.")]
ToolList = Annotated[
    str,
    Parameter(max_length=12_000, description="Slugs, comma-separated, at most 100."),
]
Compared = Annotated[
    str,
    Parameter(max_length=12_000, description="Slugs, comma-separated, two to four."),
]
Moment = Annotated[
    str | None,
    Parameter(max_length=64, description="A position of the log, or a time of RFC 3339."),
]
Elsewhere = Annotated[
    str | None,
    Parameter(
        min_length=1,
        max_length=SUBJECT_LENGTH_MAX,
        description="The id of somebody known elsewhere, for whom an admin or a service asks.",
    ),
]
