"""A picture is drawn whether or not Redis answers."""

import socket
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from tests.site import free_port
from votes.resources import connect_redis
from votes.site.pictures.drawing import Opinion, Side
from votes.site.pictures.gallery import Gallery
from votes.site.verdicts import look
from votes.views.keys import Namespace
from votes.views.pictures import RedisPictures

SIDE = Side("a-slug", "A name", "A tagline", (Opinion("Panel", look("ship"), 3, 1, 78),))


@pytest.fixture(params=["nobody listens", "nobody answers"])
def port(request) -> Iterator[int]:
    with socket.socket() as mute:
        if request.param == "nobody answers":
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            yield mute.getsockname()[1]
        else:
            yield free_port()


async def test_it_is_drawn_and_remembered_here(port, monkeypatch):
    redis = connect_redis(f"redis://127.0.0.1:{port}")
    gallery = Gallery(RedisPictures(Namespace(redis, "votes")))
    drawn = await gallery.picture((SIDE,), "example.com/tools/a-slug", "a network")
    assert Image.open(BytesIO(drawn)).size == (1200, 630)
    monkeypatch.setattr("votes.site.pictures.gallery.draw", None)  # it is not drawn again
    assert await gallery.picture((SIDE,), "example.com/tools/a-slug", "a network") == drawn
    await redis.aclose()
