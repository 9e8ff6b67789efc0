"""A login that is begun on a German page ends on one, though an issuer knows one address alone."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.e2e.asking import api_beside, browser, secrets_of, unique
from tests.e2e.logins.provider import agreed, provider
from tests.e2e.pages.reading import named, one, parsed, words
from votes.http.logins.openid import Begun
from votes.http.logins.sessions import Signed
from votes.resources import now

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")


@pytest.fixture(scope="module")
def issuer():
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def url(live_site, issuer):
    with api_beside(live_site, **issuer.settings()) as address:
        yield address


@pytest.fixture
def http(url):
    with browser(url) as client:
        yield client


def heading(answer: httpx.Response) -> str:
    return words(one(parsed(answer.text), "h1"))


def begun(http: httpx.Client) -> str:
    address: str = http.get("/de/login", params={"next": "/votes"}).headers["location"]
    return address


def test_it_ends_on_the_german_page(http, issuer):
    back = http.get(agreed(http, begun(http), issuer.knows(unique("ada")))).headers["location"]
    assert back.startswith("/de/login/back?")
    ended = http.get(back)
    assert (ended.status_code, ended.headers["location"]) == (303, "/de/votes")
    assert http.get("/v1/me").json()["kind"] == "user"
    assert heading(http.get(back)) == "Diese Anmeldung ist vorbei"


def test_who_did_not_want_to_is_told_in_german(http):
    (state,) = parse_qs(urlsplit(begun(http)).query)["state"]
    sent = {"state": state, "error": "access_denied"}
    answer = http.get("/login/back", params=sent, follow_redirects=True)
    assert (answer.status_code, heading(answer)) == (400, "Du bist nicht angemeldet")
    assert "/de/login?next=%2Fvotes" in answer.text


def test_one_whose_language_is_gone_ends_in_english(http, live_site):
    signed = Signed([secrets_of(live_site)["secret_key"].encode()], "login", Begun)
    begin = Begun("a-state", "n", "v", "/votes", language="xx")
    http.cookies.set("login-a-state", signed.sign(begin, now() + timedelta(minutes=1)))
    answer = http.get("/login/back", params={"state": "a-state", "error": "access_denied"})
    assert (answer.status_code, heading(answer)) == (400, "You are not logged in")


def test_its_pages_in_other_languages_begin_no_login(http):
    """A page elsewhere may have sent the reader, to have something bookmarked."""
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/login?next=/votes&keep=notion", "/login/back?state=x&code=y"):
        answer = http.get(path, headers=elsewhere)
        (other,) = [a for a in named(parsed(answer.text), "a") if a.get("hreflang")]
        assert other.get("href") == ("/de/votes" if "next" in path else "/de/")
