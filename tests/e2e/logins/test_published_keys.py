"""Users whose tokens are verified with keys that another server publishes (JWKS)."""

import asyncio
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.e2e.asking import ANSWER_S, api_beside, authorization, get, hmac_token, problem
from tests.e2e.logins.publishing import Published, publishing
from votes.engine.ports import Unavailable
from votes.http.logins import fetched, published_keys
from votes.http.logins.tokens import TokenInvalid, UserTokens

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
STRANGER = rsa.generate_private_key(65537, 2048)


def published(key: Any, name: str, **more: str) -> dict[str, Any]:
    algorithms: dict[type, Any] = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    kind = next(kind for base, kind in algorithms.items() if isinstance(key, base))
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": name, **more}


PAYLOAD = b'{"sub":"ada","roles":["admin"],"exp":8589934592}'
SHARED_SECRET = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAwMDA", "kid": "shared"}
KEYS = [
    published(RSA_KEY, "rsa", alg="RS256"),
    published(EC_KEY, "ec"),
    published(ED_KEY, "ed"),
    SHARED_SECRET,
]


@pytest.fixture
def server() -> Iterator[Published]:
    with publishing(*KEYS) as running:
        yield running


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """On a busy machine a fetch takes its time."""
    monkeypatch.setattr(published_keys, "UNKNOWN_KEY_WAIT_S", ANSWER_S)
    for module in (published_keys, fetched):
        monkeypatch.setattr(module, "TIMEOUT_S", ANSWER_S)


@pytest.fixture
def impatient(monkeypatch):
    """Keys are looked for again at every unknown key."""
    monkeypatch.setattr(published_keys, "JWKS_REFETCH_S", -1)


def token(key: Any, algorithm: str, name: str | None, subject: str = "ada") -> str:
    claims = {"sub": subject, "exp": int(time.time()) + 60}
    headers = {"kid": name} if name is not None else {}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


async def verify(users: UserTokens, text: str) -> str:
    return (await users.verify(text, time.time())).subject


def test_a_process_lets_in_whom_published_keys_verify(live_site):
    secret = b"secret-secret-secret-secret-0000"
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    confused = [
        hmac_token(b'{"alg":"HS256","kid":"rsa"}', PAYLOAD, pem + end) for end in (b"", b"\n")
    ]
    good = [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec"), (ED_KEY, "EdDSA", "ed")]
    bad = [
        (STRANGER, "RS256", "rsa"),
        (RSA_KEY, "RS256", "unknown"),
        (RSA_KEY, "RS256", None),
        (RSA_KEY, "RS512", "rsa"),
        (RSA_KEY, "RS256", "ec"),
        (secret, "HS256", "shared"),
        (secret, "HS256", "rsa"),
    ]
    unnamed = [
        hmac_token(b'{"alg":"RS256","kid":%s}' % name, PAYLOAD, secret)
        for name in (b"[1]", b'{"a":1}', b"5", b"null")
    ]
    bad_tokens = [*confused, *unnamed, *(token(*case) for case in bad)]
    with publishing(*KEYS) as keys:
        beside = api_beside(live_site, VOTES_JWKS_URL=keys.url, VOTES_JWT_SECRET="")
        with beside as url:
            for case in good:
                answer = get(f"{url}/v1/me", headers=authorization(token(*case)))
                assert answer.json()["id"] == "ada", case
            for text in bad_tokens:
                answer = get(f"{url}/v1/me", headers=authorization(text))
                problem(answer, 401, "token_invalid")
            assert keys.asked == 1


def test_without_the_keys_a_process_says_to_try_again(live_site):
    beside = api_beside(live_site, VOTES_JWKS_URL="http://127.0.0.1:1/keys", VOTES_JWT_SECRET="")
    headers = authorization(token(RSA_KEY, "RS256", "rsa"))
    with beside as url:
        for _ in range(2):
            answer = get(f"{url}/v1/me", headers=headers)
            problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"]
        assert get(f"{url}/v1/tools", headers=headers).status_code == 200


def test_no_login_waits_long_for_keys_that_drip(live_site):
    with publishing(*KEYS) as keys:
        keys.dripping = True
        beside = api_beside(live_site, VOTES_JWKS_URL=keys.url, VOTES_JWT_SECRET="")
        headers = authorization(token(RSA_KEY, "RS256", "rsa"))
        with beside as url:
            answer = get(f"{url}/v1/me", headers=headers)
            problem(answer, 503, "unavailable")
            problem(get(f"{url}/v1/me", headers=headers), 503, "unavailable")
            assert keys.asked == 1


async def test_known_keys_do_not_wait_while_new_ones_drip(server, impatient):
    users = UserTokens(None, server.url, None, None)
    assert await verify(users, token(RSA_KEY, "RS256", "rsa")) == "ada"
    server.dripping = True
    strangers = [
        asyncio.create_task(verify(users, token(STRANGER, "RS256", f"unknown-{number}")))
        for number in range(50)
    ]
    assert await asyncio.to_thread(server.dripped.wait, ANSWER_S)
    async with asyncio.timeout(ANSWER_S):
        known = [verify(users, token(EC_KEY, "ES256", "ec", f"{n}")) for n in range(200)]
        assert await asyncio.gather(*known) == [str(number) for number in range(200)]
        assert not any(task.done() for task in strangers)
        server.document, server.dripping = b"", False
        told = await asyncio.gather(*strangers, return_exceptions=True)
    assert {type(error) for error in told} == {Unavailable}
    assert server.asked == 2


async def test_old_keys_are_renewed_while_they_are_used(server, monkeypatch):
    monkeypatch.setattr(published_keys, "JWKS_LIFETIME_S", -1)
    users = UserTokens(None, server.url, None, None)
    assert await verify(users, token(RSA_KEY, "RS256", "rsa")) == "ada"
    server.publish(published(EC_KEY, "ec"))
    server.dripping = True
    assert await verify(users, token(RSA_KEY, "RS256", "rsa", "bob")) == "bob"
    assert await asyncio.to_thread(server.dripped.wait, ANSWER_S)
    assert await verify(users, token(RSA_KEY, "RS256", "rsa", "eve")) == "eve"
    server.dripping = False
    with pytest.raises(TokenInvalid):
        await verify(users, token(STRANGER, "RS256", "unknown"))
    with pytest.raises(TokenInvalid):
        await verify(users, token(RSA_KEY, "RS256", "rsa", "eve"))
    assert server.asked == 2


async def test_a_new_key_is_found_and_a_withdrawn_one_is_not(server, impatient):
    users = UserTokens(None, server.url, None, None)
    known = token(RSA_KEY, "RS256", "rsa")
    assert await verify(users, known) == "ada"
    server.publish(published(STRANGER, "newer"))
    assert await verify(users, token(STRANGER, "RS256", "newer")) == "ada"
    for withdrawn in (known, token(EC_KEY, "ES256", "ec")):
        with pytest.raises(TokenInvalid):
            await verify(users, withdrawn)


async def test_keys_may_have_moved_but_not_to_where_they_can_be_changed(
    server, tmp_path, monkeypatch
):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with publishing(*KEYS) as moved:
        moved.location = server.url
        users = UserTokens(None, moved.url, None, None)
        assert await verify(users, token(RSA_KEY, "RS256", "rsa")) == "ada"
        moved.location = moved.url
        with pytest.raises(Unavailable, match="redirects"):
            await verify(UserTokens(None, moved.url, None, None), token(RSA_KEY, "RS256", "rsa"))
    with publishing(*KEYS) as secure:
        secure.socket = tls.wrap_socket(secure.socket, server_side=True)
        url = secure.url.replace("http:", "https:")
        assert (
            await verify(UserTokens(None, url, None, None), token(EC_KEY, "ES256", "ec")) == "ada"
        )
        secure.location = server.url
        with pytest.raises(Unavailable, match="redirected"):
            await verify(UserTokens(None, url, None, None), token(EC_KEY, "ES256", "ec"))


async def test_a_key_needs_no_name_where_it_is_the_only_one():
    with publishing(published(RSA_KEY, "rsa", alg="RS256")) as server:
        users = UserTokens(None, server.url, None, None)
        assert await verify(users, token(RSA_KEY, "RS256", None)) == "ada"
        for bad in (token(STRANGER, "RS256", None), token(RSA_KEY, "RS256", "other")):
            with pytest.raises(TokenInvalid):
                await verify(users, bad)


async def test_unknown_keys_do_not_ask_the_server_each_time(server):
    users = UserTokens(None, server.url, None, None)
    for name in ("a", "b", "c"):
        with pytest.raises(TokenInvalid):
            await verify(users, token(RSA_KEY, "RS256", name))
    assert server.asked == 1


async def test_known_keys_outlive_their_server(server, impatient):
    users = UserTokens(None, server.url, None, None)
    assert await verify(users, token(RSA_KEY, "RS256", "rsa")) == "ada"
    server.status = 500
    with pytest.raises(Unavailable):
        await verify(users, token(RSA_KEY, "RS256", "unknown"))
    assert await verify(users, token(EC_KEY, "ES256", "ec")) == "ada"


NO_KEYS = [b"", b"[]", b"null", b"5", b"{}", b'{"keys":null}', b'{"keys":[]}', b'{"keys":[1,"a"]}']
NO_KEYS += [b'{"keys":{"a":1}}', b'{"keys":[{"kty":"RSA"}]}', b"<html>", b"\xff", b"[" * 100_000]
NO_KEYS += [b'{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","alg":{}}]}']
NO_KEYS += [json.dumps({"keys": KEYS}).encode() + b" " * 300_000]


@pytest.mark.parametrize("document", NO_KEYS, ids=lambda document: ascii(document)[:20])
async def test_a_document_that_holds_no_keys_verifies_nobody(server, document):
    server.document = document
    users = UserTokens(None, server.url, None, None)
    with pytest.raises(Unavailable):
        await verify(users, token(RSA_KEY, "RS256", "rsa"))


async def test_keys_that_cannot_be_used_leave_the_others(server):
    server.publish({"kty": "new"}, {"kty": "RSA", "kid": "half"}, *KEYS)
    users = UserTokens(None, server.url, None, None)
    assert await verify(users, token(EC_KEY, "ES256", "ec")) == "ada"
