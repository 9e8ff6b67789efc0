"""What bounds a stream that nobody reads does not slow down a large answer."""

import http.client
import time
from contextlib import closing
from statistics import median

LARGE = 65_536  # bytes, more than goes into one write
TIMES = 15
SLOWER_MAX = 8


def connection(site) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection("127.0.0.1", site.port))


def seconds(connection: http.client.HTTPConnection) -> float:
    began = time.perf_counter()
    connection.request("GET", "/v1/tools?limit=100")
    answer = connection.getresponse()
    assert len(answer.read()) > LARGE
    return time.perf_counter() - began


def test_it_comes_on_a_kept_connection_as_fast_as_on_a_new_one(live_site):
    on_kept, on_new = [], []
    with connection(live_site) as kept:
        for _ in range(TIMES):
            with connection(live_site) as new:
                on_new.append(seconds(new))
            on_kept.append(seconds(kept))
    assert median(on_kept) < SLOWER_MAX * median(on_new)
