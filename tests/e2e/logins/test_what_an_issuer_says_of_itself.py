"""The description that an issuer publishes (OpenID Connect Discovery): checked, remembered, fetched
again."""

import json

import pytest

from tests.e2e.logins.provider import CLIENT, SECRET, provider
from tests.polling import LIMIT_S
from votes.engine.ports import Unavailable
from votes.http.logins.openid import OpenId


@pytest.fixture
def issuer():
    with provider() as running:
        yield running


WRONG = [
    {"issuer": "https://evil.example"},
    {"issuer": None},
    {"token_endpoint": "ftp://localhost/"},
    {"jwks_uri": "https://localhost/"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"end_session_endpoint": "javascript:alert(1)"},
]


def test_the_doctor_asks_the_issuer(live_site, issuer, monkeypatch):
    monkeypatch.setattr(live_site, "env", live_site.env | issuer.settings())

    def found() -> dict[str, tuple[bool, str]]:
        checks = json.loads(live_site.votes("doctor", "--json").stdout)
        return {check["name"].strip(): (check["ok"], check["found"]) for check in checks}

    told = found()
    assert told["people log in"] == (True, f"at {issuer.url} (OpenID Connect)")
    assert told["issuer"] == (True, f"keys at {issuer.url}/jwks: 1")
    assert told["log-out there"] == (True, f"{issuer.url}/oauth2/end_session")
    issuer.refuse = 500
    ok, said = found()["issuer"]
    assert not ok
    assert said.startswith("VOTES_OIDC_ISSUER: ")
    assert "status 500" in said
    settings = {"VOTES_OIDC_ISSUER": "", "VOTES_OIDC_CLIENT_ID": "", "VOTES_LOGIN_URL": issuer.url}
    monkeypatch.setattr(live_site, "env", live_site.env | settings)
    ok, said = found()["people log in"]
    assert not ok
    assert said.startswith("VOTES_USER_COOKIE: ")


@pytest.mark.parametrize("said", WRONG)
async def test_a_description_that_is_not_of_the_issuer_is_not_used(issuer, said):
    issuer.describe = said
    with pytest.raises(Unavailable):
        await OpenId(issuer.url, CLIENT, SECRET).described()


async def test_a_description_is_fetched_again_and_outlives_its_issuer(issuer, monkeypatch):
    monkeypatch.setattr("votes.http.logins.openid.LIFETIME_S", -1)
    openid = OpenId(issuer.url, CLIENT, SECRET)
    assert (await openid.described()).end_session_endpoint == f"{issuer.url}/oauth2/end_session"
    issuer.describe = {"end_session_endpoint": f"{issuer.url}/bye"}
    await openid.described()
    await openid._described.wait(LIMIT_S)
    assert (await openid.described()).end_session_endpoint == f"{issuer.url}/bye"
    await openid._described.wait(LIMIT_S)
    issuer.refuse = 500
    await openid.described()
    await openid._described.wait(LIMIT_S)
    assert (await openid.described()).end_session_endpoint == f"{issuer.url}/bye"
