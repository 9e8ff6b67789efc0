"""A bare broadcaster: the same bytes to all streams every 50 ms, on granian as we run it.

python -m tests.benchmarks.peers.broadcaster PORT
"""

import asyncio
import sys
from typing import Any

from tests.benchmarks.peers.nothing import TALLY
from votes.cli.serve import serve

EACH_S = 0.05
FRAME = b"event: tally\ndata: " + TALLY + b"\nid: 01234567-123456\n\n"
HEADERS = [(b"content-type", b"text/event-stream")]

_news: list[asyncio.Event] = []


async def _beat() -> None:
    loop = asyncio.get_running_loop()
    beat = loop.time()
    while True:
        beat = max(beat + EACH_S, loop.time())
        await asyncio.sleep(beat - loop.time())
        for event in _news:
            event.set()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    news = asyncio.Event()
    _news.append(news)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    leaving = asyncio.ensure_future(_gone(receive))
    while not leaving.done():
        await send({"type": "http.response.body", "body": FRAME, "more_body": True})
        await news.wait()
        news.clear()
    _news.remove(news)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Any, send: Any) -> None:
    await receive()
    beating = asyncio.create_task(_beat())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    beating.cancel()
    await send({"type": "lifespan.shutdown.complete"})


def main() -> None:
    serve("tests.benchmarks.peers.broadcaster:app", "127.0.0.1", int(sys.argv[1]))


if __name__ == "__main__":
    main()
