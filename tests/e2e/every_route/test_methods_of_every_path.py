"""HEAD answers like GET without the body, and OPTIONS names every method, on every path."""

import pytest

from tests.e2e import raw
from tests.e2e.every_path import METHODS, STREAM, WITH_GET, address


def allowed(answer: raw.Raw) -> set[str]:
    return set(answer.headers["allow"].split(", "))


def expected(path: str) -> set[str]:
    return METHODS[path] | {"OPTIONS"} | ({"HEAD"} if "GET" in METHODS[path] else set())


@pytest.mark.parametrize("path", [path for path in WITH_GET if path != STREAM])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_head_is_answered_as_get_is_without_the_body(live_site, path, coding):
    got, told = (
        raw.asked(live_site.port, raw.head(method, address(path), Accept_Encoding=coding))
        for method in ("GET", "HEAD")
    )
    assert told.body == b""
    assert (told.status, told.headers | {"date": ""}) == (got.status, got.headers | {"date": ""})
    assert int(told.headers["content-length"]) == len(got.body)


def test_head_of_a_stream_is_answered_and_streams_nothing(live_site):
    told = raw.asked(live_site.port, raw.head("HEAD", address(STREAM)))
    assert (told.status, told.body) == (200, b"")
    assert told.headers["content-type"].startswith("text/event-stream")
    refused = raw.asked(live_site.port, raw.head("HEAD", f"{STREAM}?tools=no-such-tool"))
    assert (refused.status, refused.body) == (404, b"")


@pytest.mark.parametrize("path", METHODS)
def test_options_names_every_method_of_the_path(live_site, path):
    answer = raw.asked(live_site.port, raw.head("OPTIONS", address(path)))
    assert (answer.status, answer.body) == (204, b"")
    assert allowed(answer) == expected(path)


@pytest.mark.parametrize("path", METHODS)
def test_a_refused_method_is_told_every_method_of_the_path(live_site, path):
    answer = raw.asked(live_site.port, raw.head("PATCH", address(path)))
    assert answer.status == 405
    assert allowed(answer) == expected(path)


def test_the_methods_of_no_path_are_not_found(live_site):
    assert raw.asked(live_site.port, raw.head("OPTIONS", "/v1/nothing")).status == 404
