"""The description that an issuer publishes (OpenID Connect Discovery): checked, remembered, fetched
again."""

import pytest

from tests.e2e.provider import CLIENT, SECRET, provider
from votes.engine.ports import Unavailable
from votes.http.openid import OpenId

SOON_S = 5


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


@pytest.mark.parametrize("said", WRONG)
async def test_a_description_that_is_not_of_the_issuer_is_not_used(issuer, said):
    issuer.describe = said
    with pytest.raises(Unavailable):
        await OpenId(issuer.url, CLIENT, SECRET).described()


async def test_a_description_is_fetched_again_and_outlives_its_issuer(issuer, monkeypatch):
    monkeypatch.setattr("votes.http.openid.LIFETIME_S", -1)
    openid = OpenId(issuer.url, CLIENT, SECRET)
    assert (await openid.described()).end_session_endpoint == f"{issuer.url}/oauth2/end_session"
    issuer.describe = {"end_session_endpoint": f"{issuer.url}/bye"}
    await openid.described()
    await openid._described.wait(SOON_S)
    assert (await openid.described()).end_session_endpoint == f"{issuer.url}/bye"
    await openid._described.wait(SOON_S)
    issuer.refuse = 500
    await openid.described()
    await openid._described.wait(SOON_S)
    assert (await openid.described()).end_session_endpoint == f"{issuer.url}/bye"
