"""Users whose tokens are verified with keys that another server publishes (JWKS)."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.e2e.asking import api_beside, authorization, get, hmac_token, problem
from votes.api import tokens
from votes.api.tokens import TokenInvalid, UserTokens
from votes.app.ports import Unavailable

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
STRANGER = rsa.generate_private_key(65537, 2048)


def published(key: Any, name: str, **more: str) -> dict[str, Any]:
    algorithms = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    kind = next(kind for base, kind in algorithms.items() if isinstance(key, base))
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": name, **more}


PAYLOAD = b'{"sub":"ada","roles":["admin"]}'
SHARED_SECRET = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAwMDA", "kid": "shared"}
KEYS = [
    published(RSA_KEY, "rsa", alg="RS256"),
    published(EC_KEY, "ec"),
    published(ED_KEY, "ed"),
    SHARED_SECRET,
]


class Published(ThreadingHTTPServer):
    """Serves `document`; counts how often it was asked."""

    document: bytes = b""
    status = 200
    asked = 0

    def publish(self, *keys: dict[str, Any]) -> None:
        self.document = json.dumps({"keys": keys}).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keys"


class _Answer(BaseHTTPRequestHandler):
    server: Published

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.document)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def publishing() -> Iterator[Published]:
    with Published(("127.0.0.1", 0), _Answer) as server:
        server.publish(*KEYS)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Published]:
    with publishing() as running:
        yield running


@pytest.fixture
def impatient(monkeypatch):
    """Keys are looked for again at every unknown key."""
    monkeypatch.setattr(tokens, "JWKS_REFETCH_S", -1)


def token(key: Any, algorithm: str, name: str | None) -> str:
    claims = {"sub": "ada", "exp": int(time.time()) + 60}
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
    bad_tokens = [*confused, *(token(*case) for case in bad)]
    with publishing() as keys:
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


async def test_a_new_key_is_found_and_a_withdrawn_one_is_not(server, impatient):
    users = UserTokens(None, server.url, None, None)
    assert await verify(users, token(RSA_KEY, "RS256", "rsa")) == "ada"
    server.publish(published(STRANGER, "newer"))
    assert await verify(users, token(STRANGER, "RS256", "newer")) == "ada"
    with pytest.raises(TokenInvalid):
        await verify(users, token(EC_KEY, "ES256", "ec"))


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
