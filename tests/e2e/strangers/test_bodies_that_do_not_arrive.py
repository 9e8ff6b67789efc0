"""A body that stands still, trickles, breaks off or is malformed ends its request, and soon."""

import json
import select
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.e2e import raw
from tests.e2e.asking import bearer, nothing_stored
from votes.http.edge.requests import BODY_BYTES_PER_S_MIN, BODY_S
from votes.http.exchange import LARGE_BODY_BYTES_MAX

VOTE, FORM = "/v1/tools/notion/vote", "/tools/notion/vote"
JSON = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
CHUNKED = raw.head("PUT", VOTE, Content_Type=JSON, Transfer_Encoding="chunked")
SLOW_BYTES = 96 * 1024
PIECES_PER_S = 4

Took = tuple[raw.Raw, float]


def vote_of(length: int) -> bytes:
    return raw.head("PUT", VOTE, Content_Type=JSON, Content_Length=str(length))


def form_of(length: int) -> bytes:
    headers = {"Content_Type": FORM_TYPE, "Content_Length": str(length)}
    return raw.head("POST", FORM, Origin="http://127.0.0.1", **headers)


def standing(port: int, request: bytes) -> Took:
    """The answer to a request whose rest never comes, and how long it took."""
    began = time.monotonic()
    return raw.asked(port, request), time.monotonic() - began


def paced(port: int, request: bytes, body: bytes, bytes_per_s: float) -> Took:
    """The answer to a body that comes at this rate, and how long it took."""
    size = max(1, int(bytes_per_s / PIECES_PER_S))
    began = time.monotonic()
    with raw.connect(port) as connection:
        connection.sendall(request)
        for start in range(0, len(body), size):
            connection.sendall(body[start : start + size])
            answered, _, _ = select.select([connection], [], [], size / bytes_per_s)
            if answered:
                break
        return raw.answer(connection), time.monotonic() - began


@pytest.fixture(scope="module")
def slow(live_site) -> Iterator[dict[str, Future[Took]]]:
    """All that takes its time, at once."""
    port, me = live_site.port, bearer(live_site, "a-slow-writer")["Authorization"]
    length = str(SLOW_BYTES)
    bookmark = raw.head(
        "PUT",
        "/v1/me/bookmarks/notion",
        Authorization=me,
        Content_Type=JSON,
        Content_Length=length,
    )
    asked: dict[str, Callable[[], Took]] = {
        "nothing": lambda: standing(port, vote_of(17)),
        "half": lambda: standing(port, vote_of(17) + b'{"choice"'),
        "half a chunk": lambda: standing(port, CHUNKED + b'11\r\n{"cho'),
        "half a form": lambda: standing(port, form_of(11) + b"cho"),
        "trickle": lambda: paced(port, vote_of(100), b"{" * 100, 1),
        "honest": lambda: paced(
            port, bookmark, b"{}".ljust(SLOW_BYTES), 1.5 * BODY_BYTES_PER_S_MIN
        ),
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        yield {name: pool.submit(ask) for name, ask in asked.items()}


@pytest.mark.parametrize("name", ["nothing", "half", "half a chunk", "trickle"])
def test_a_body_that_does_not_come_is_a_problem_and_the_end(slow, name):
    answer, took_s = slow[name].result()
    assert answer.status == 408
    assert json.loads(answer.body)["code"] == "body_timeout"
    assert took_s > BODY_S - 1


def test_a_form_that_does_not_come_is_told_as_a_page(slow):
    answer, _ = slow["half a form"].result()
    assert answer.status == 408
    assert answer.headers["content-type"].startswith("text/html")


def test_a_slow_upload_that_goes_on_is_taken(slow):
    answer, took_s = slow["honest"].result()
    assert answer.status == 201
    assert took_s > BODY_S
    assert SLOW_BYTES <= LARGE_BODY_BYTES_MAX


MALFORMED = {
    "no size": b"zz\r\nabc\r\n0\r\n\r\n",
    "longer than it says": b"3\r\nabcde\r\n0\r\n\r\n",
    "a size beyond numbers": b"f" * 17 + b"\r\n{",
    "an endless extension": b"5;" + b"a" * 100_000 + b"\r\n{",
}


@pytest.mark.parametrize("chunks", MALFORMED.values(), ids=MALFORMED)
def test_malformed_chunks_are_a_problem(live_site, chunks):
    refused(raw.asked(live_site.port, CHUNKED + chunks))


LEFT = {
    "in a chunk": CHUNKED + b'11\r\n{"cho',
    "before a chunk": CHUNKED,
    "in a body": vote_of(17) + b'{"cho',
    "before a body": vote_of(17),
    "in a form": form_of(11) + b"cho",
}


@pytest.mark.parametrize("request_", LEFT.values(), ids=LEFT)
def test_who_leaves_in_the_middle_is_told_what_is_wrong(live_site, request_):
    with nothing_stored(live_site):
        refused(raw.asked(live_site.port, request_, leave=True))


def refused(answer: raw.Raw) -> None:
    assert answer.status == 400
    if answer.headers["content-type"] == "application/problem+json":
        assert json.loads(answer.body)["code"] == "invalid_body"
