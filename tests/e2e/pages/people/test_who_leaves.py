"""A person takes along all that is held of them, and is erased, by buttons on a page."""

import pytest

from tests.e2e.asking import bearer, unique
from tests.e2e.pages.reading import named, one, page, parsed, section, words
from tests.site import SAME_ORIGIN

ERASE = "/privacy/erase"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def me(live_site, http, tool):
    """Somebody with a vote and a bookmark."""
    me = SAME_ORIGIN | bearer(live_site, unique("ada"))
    assert http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}, headers=me).is_success
    assert http.put(f"/v1/me/bookmarks/{tool}", json={"note": "Mine"}, headers=me).is_success
    return me


def test_somebody_takes_all_of_it_along(http, me, tool):
    form = one(section(page(http, "/privacy", headers=me), "forgotten"), "form")
    (link,) = named(form, "a")
    held = http.get(link.get("href"), headers=me).json()
    assert [vote["tool"] for vote in held["votes"]] == [tool]
    assert [mark["note"] for mark in held["bookmarks"]] == ["Mine"]


def test_somebody_is_asked_and_then_erased(http, me, tool):
    form = one(section(page(http, "/privacy", headers=me), "forgotten"), "form")
    asked = http.post(form.get("action"), headers=me | FORM)
    assert (asked.status_code, asked.headers["cache-control"]) == (200, "private, no-store")
    sure = one(one(parsed(asked.text), "main"), "form")
    assert len(http.get("/v1/me/bookmarks", headers=me).json()["bookmarks"]) == 1

    button = one(sure, "button")
    said = {button.get("name"): button.get("value")}
    gone = http.post(sure.get("action"), data=said, headers=me)
    assert (gone.status_code, gone.headers["location"]) == (303, "/privacy?erased=yes")
    assert "login=;" in gone.headers["set-cookie"].replace('""', "")
    told = page(http, gone.headers["location"])
    assert "You are erased." in words(one(told, "p", role="status"))
    assert http.get("/v1/me/bookmarks", headers=me).json()["bookmarks"] == []
    assert http.get("/v1/me/votes", headers=me).json()["votes"] == []
    seen = {"min_position": http.get("/health/ready").json()["head"]}
    assert http.get(f"/v1/tools/{tool}/tally", params=seen).json()["ship"] == 1


def test_who_is_nobody_is_led_to_the_login_and_erases_nobody(http):
    seen = section(page(http, "/privacy"), "forgotten")
    assert not named(seen, "form")
    assert "/login?next=%2Fprivacy" in [link.get("href") for link in named(seen, "a")]
    answer = http.post(ERASE, data={"sure": "yes"}, headers=SAME_ORIGIN)
    assert answer.status_code == 401
