"""A site with a login of its own: the pages lead to it, and back."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.asking import api_beside, bearer, browser
from tests.e2e.pages.reading import attribute, named, one, page, words
from votes.config import ConfigError, load

LOGIN = "https://example.com/account?do=login&return_to={next}"
LOGOUT = "https://example.com/account/logout?to={next}"


@pytest.fixture(scope="module")
def url(live_site):
    settings = {"VOTES_LOGIN_URL": LOGIN, "VOTES_LOGOUT_URL": LOGOUT, "VOTES_USER_COOKIE": "own"}
    with api_beside(live_site, **settings) as running:
        yield running


def test_the_link_says_where_to_come_back_to(url):
    with browser(url) as http:
        link = one(page(http, "/?category=llm"), "a", class_="plain", rel="nofollow")
        answer = http.get(attribute(link, "href"))
        assert answer.status_code == 303
        assert answer.headers["cache-control"] == "private, no-store"
        address = answer.headers["location"]
        assert address.startswith("https://example.com/account?do=login&return_to=")
        assert parse_qs(urlsplit(address).query)["return_to"] == [f"{url}/?category=llm&sort=top"]


def test_who_reads_german_comes_back_to_german(url):
    with browser(url) as http:
        address = http.get("/de/login?next=/votes").headers["location"]
        assert parse_qs(urlsplit(address).query)["return_to"] == [f"{url}/de/votes"]


def test_a_made_up_host_is_in_no_link(url):
    with browser(url) as http:
        answer = http.get("/login?next=/votes", headers={"Host": "evil.example"})
        assert parse_qs(urlsplit(answer.headers["location"]).query)["return_to"] == ["/votes"]
        assert http.get("/login?next=//evil.example").status_code == 400


def test_who_has_logged_in_there_is_known_and_logs_out_there(url, live_site):
    with browser(url) as http:
        header = bearer(live_site, "ada@example.com", name="Ada")["Authorization"]
        http.cookies.set("own", header.removeprefix("Bearer "))
        tree = page(http, "/votes")
        assert "Ada" in words(one(tree, "span", class_="account-name"))
        (link,) = [link for link in named(tree, "a", class_="plain") if not link.get("hreflang")]
        assert attribute(link, "href").startswith(
            "https://example.com/account/logout?to=http%3A%2F%2F127"
        )
        assert not named(tree, "form", action="/logout")


def test_nobody_becomes_somebody_here(url):
    with browser(url) as http:
        assert http.post("/login", data={"as": "admin"}).status_code == 404
        assert http.get("/login/back?state=x&code=y").status_code == 404


HALF = [
    ({"VOTES_OIDC_ISSUER": "https://a.example"}, "VOTES_OIDC_CLIENT_ID: is missing"),
    ({"VOTES_OIDC_CLIENT_ID": "votes"}, "VOTES_OIDC_ISSUER: is missing"),
    ({"VOTES_LOGOUT_URL": "https://a.example"}, "VOTES_LOGOUT_URL: "),
    ({"VOTES_LOGIN_URL": "javascript:alert(1)"}, "VOTES_LOGIN_URL: "),
    (
        {
            "VOTES_OIDC_ISSUER": "https://a.example",
            "VOTES_OIDC_CLIENT_ID": "votes",
            "VOTES_LOGIN_URL": "https://a.example",
        },
        "VOTES_LOGIN_URL: set this or VOTES_OIDC_ISSUER",
    ),
    *(
        ({"VOTES_OIDC_ISSUER": issuer, "VOTES_OIDC_CLIENT_ID": "votes"}, "VOTES_OIDC_ISSUER: ")
        for issuer in (
            "http://login.example.com",
            "http://localhost.example.com",
            "https://a.example?x",
            "login.example.com",
            "https://",
        )
    ),
]


@pytest.mark.parametrize(("env", "told"), HALF)
def test_settings_that_do_not_go_together_stop_the_start(env, told):
    with pytest.raises(ConfigError, match=told):
        load(env)


@pytest.mark.parametrize("issuer", ["https://a.example/", "http://localhost:8080/realms/a"])
def test_issuers_are_taken_as_they_spell_themselves(issuer):
    config = load({"VOTES_OIDC_ISSUER": issuer, "VOTES_OIDC_CLIENT_ID": "votes"})
    assert config.oidc_issuer == issuer
