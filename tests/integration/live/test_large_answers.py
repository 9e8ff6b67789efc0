"""What bounds a stream that nobody reads does not slow down a large answer."""

import http.client
import time
from statistics import median

TIMES = 15
SLOWER_MAX = 8


def seconds(connection: http.client.HTTPConnection) -> float:
    began = time.perf_counter()
    connection.request("GET", "/v1/tools?limit=100")
    answer = connection.getresponse()
    assert len(answer.read()) > 100_000
    return time.perf_counter() - began


def test_it_comes_on_a_kept_connection_as_fast_as_on_a_new_one(live_site):
    kept = http.client.HTTPConnection("127.0.0.1", live_site.port)
    on_kept, on_new = [], []
    for _ in range(TIMES):
        new = http.client.HTTPConnection("127.0.0.1", live_site.port)
        on_new.append(seconds(new))
        new.close()
        on_kept.append(seconds(kept))
    kept.close()
    assert median(on_kept) < SLOWER_MAX * median(on_new)
