"""Any rows at all, written past the program: reading goes on, and all pages are shown."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.domain import arbitrary
from tests.e2e.asking import get, put
from tests.polling import wait_for
from tests.site import TLS, Site, site
from tests.stored.slugs import ids_by_slug
from votes.domain.events import EVENT_TYPES
from votes.store.codec import Codec

PAGES = ("/", "/?sort=trending", "/?sort=new", "/?sort=controversial", "/status", "/feed.xml")
READS = ("/v1/tools", "/v1/tools?sort=trending")
OF_A_TOOL: tuple[str, ...] = (
    "/v1/tools/{0}",
    "/v1/tools/{0}/tally",
    "/v1/tools/{0}/tally?at=2199-12-31T00:00:00Z",
)
OF_A_TOOL += ("/v1/tools/{0}/trend", "/v1/tools/{0}/reviews", "/tools/{0}", "/og/{0}.png")
OF_A_TOOL += ("/v1/compare/{0}/notion", "/compare/{0}-vs-notion")
KNOWN = ("airtable", "notion")
UNTOUCHED = "figma"
"""A tool that no row is about; those that are known may be renamed or gone by any."""
STREAMS = ("tool:airtable", "slug:airtable", "slug:new", "vote:3:v:x:airtable")
"""Of tools by their slugs, in place of which their ids are written."""
ROWS_MAX = 12

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


class Row(Struct, frozen=True):
    stream: str
    subject: str
    version: int
    type: str
    schema: int
    data: str
    at: datetime
    skipped: int
    """How many positions are left out before it."""


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, str]:
    """A type and its data: an event's, perhaps with a field wrong."""
    name, _, data = Codec().encode(draw(arbitrary.known_events))
    fields = json.loads(data)
    if fields and draw(st.booleans()):
        fields[draw(st.sampled_from(sorted(fields)))] = draw(values)
    return name, json.dumps(fields)


names = st.sampled_from([kind.__name__ for kind in EVENT_TYPES]) | st.text(max_size=30)
naive_times = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31))  # noqa: DTZ001
times = (naive_times | st.datetimes()).map(lambda naive: naive.replace(tzinfo=UTC))
rows = st.builds(
    lambda stream, subject, version, body, schema, at, skipped: Row(
        stream, subject, version, body[0], schema, body[1], at, skipped
    ),
    st.text(max_size=30) | st.sampled_from(STREAMS),
    st.sampled_from(KNOWN) | arbitrary.slugs | st.text(max_size=30),
    st.integers(1, 2**31 - 1),
    bodies() | st.tuples(names, values.map(json.dumps)),
    st.just(1) | st.integers(-(2**15), 2**15 - 1),
    times,
    st.just(0) | st.integers(0, 1_000),
)


@pytest.fixture(scope="module")
def strange() -> Iterator[Site]:
    """A program whose log gets rows that it would never write."""
    with site() as running:
        yield running


INSERT = """
INSERT INTO events
SELECT (jsonb_populate_record(NULL::events, to_jsonb(last) || jsonb_build_object(
    'position', last.position + 1 + $1, 'stream', $2::text, 'version', $3::integer,
    'subject', $8::text, 'late', last.position % 2 = 0,
    'type', $4::text, 'schema', $5::integer, 'data', $6::text::jsonb, 'at', $7::timestamptz
)
)).*
FROM (SELECT * FROM events ORDER BY position DESC LIMIT 1) AS last
RETURNING position
"""
"""A row like the last one, but for what is said: so it fits the table whatever columns it has."""


async def insert(url: str, written: list[Row]) -> int:
    """Write the rows as the owner of the database, those that Postgres can hold."""
    ids = await ids_by_slug(url)
    owner = await asyncpg.connect(url)
    try:
        for row in written:
            kind, _, tool = row.stream.rpartition(":")
            stream = f"{kind}:{ids[tool]}" if tool in KNOWN and kind != "slug" else row.stream
            said: list[Any] = [row.skipped, stream, row.version, row.type, row.schema, row.data]
            try:
                await owner.fetchval(INSERT, *said, row.at, ids.get(row.subject, row.subject))
            except (asyncpg.PostgresError, asyncpg.DataError, UnicodeEncodeError):
                continue
        return int(await owner.fetchval("SELECT max(position) FROM events"))
    finally:
        await owner.close()


def projected(program: Site, head: int) -> bool:
    ready = get(f"{program.url}/health/ready").json()
    return ready["status"] == "ok" and (ready["position"] or 0) >= head


def shown(client: httpx.Client, address: str) -> int:
    """The status, but for 503: a busy machine may not have the answer in time."""

    def status() -> int | None:
        found = client.get(address).status_code
        return None if found == 503 else found

    return wait_for(status, address)


# The log keeps the rows of the examples before, so a failing one is not made smaller.
@settings(max_examples=15, phases=[Phase.generate])
@given(st.lists(rows, min_size=1, max_size=ROWS_MAX))
def test_everything_is_read_and_shown(strange, written):
    head = asyncio.run(insert(strange.servers.owner_url, written))
    wait_for(lambda: projected(strange, head), "the projection")
    slugs = {row.subject for row in written if row.subject.isascii() and row.subject.isalnum()}
    addresses = [*PAGES, *READS]
    addresses += [at.format(slug) for slug in {*slugs, KNOWN[0]} for at in OF_A_TOOL]
    with httpx.Client(verify=TLS, base_url=strange.url, timeout=30) as client:
        answers = {address: shown(client, address) for address in addresses}
    assert set(answers.values()) <= {200, 301, 308, 404}, answers


def test_then_the_audit_is_clean_and_the_doctor_names_what_is_left_out(strange):
    garbage = Row("x", "x", 1, "VoteCast", 1, '{"choice":5}', datetime(2026, 1, 1, tzinfo=UTC), 0)
    head = asyncio.run(insert(strange.servers.owner_url, [garbage]))
    wait_for(lambda: projected(strange, head), "the projection")
    assert strange.votes("rebuild").returncode == 0
    found = strange.votes("verify")
    assert found.returncode == 0, found.stderr
    told = json.loads(strange.votes("doctor", "--json").stdout)
    left_out = next(check for check in told if check["name"] == "parked events")
    assert not left_out["ok"]
    assert "All is well" not in get(f"{strange.url}/status").text
    tool = f"{strange.url}/v1/tools/{UNTOUCHED}"
    voted = put(f"{tool}/vote", json={"choice": "ship"})
    assert voted.status_code == 200, voted.text
    asked = {"min_position": voted.json()["position"]}

    def fresh() -> bool:
        read = get(f"{tool}/tally", params=asked)
        return read.status_code == 200 and not read.json()["stale"]

    wait_for(fresh, "the vote in the read models")
