"""JSON Web Signatures (RFC 7515): what is signed by a key that we know is accepted, nothing else.

Two tables: ways to change a token, tried with each algorithm that we accept, and the vectors of
Project Wycheproof, where the folder of real input has them.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.e2e.asking import hmac_token
from tests.e2e.logins.publishing import publishing
from votes.engine.ports import Unavailable
from votes.http.logins.published_keys import ASYMMETRIC
from votes.http.logins.tokens import TokenInvalid, UserTokens

NOW_S = 1_800_000_000
CLAIMS = json.dumps({"sub": "ada", "exp": NOW_S + 60}).encode()
OURS, EVE = "ours", "eve"
SECRET = "secret-" * 10
ACCEPTED = ["HS256", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
OTHERS = ["HS384", "HS512", "PS384", "PS512", "ES512", "ES256K"]


def text_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@cache
def private_key(algorithm: str, owner: str) -> Any:
    """A key for the algorithm, another for each owner."""
    curves: dict[str, ec.EllipticCurve] = {
        "ES256": ec.SECP256R1(),
        "ES384": ec.SECP384R1(),
        "ES512": ec.SECP521R1(),
        "ES256K": ec.SECP256K1(),
    }
    if algorithm in curves:
        return ec.generate_private_key(curves[algorithm])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm[:2] in {"RS", "PS"}:
        return rsa.generate_private_key(65537, 2048)
    return SECRET if owner == OURS else owner * 20


def public_jwk(algorithm: str, owner: str = OURS) -> dict[str, Any]:
    kind = jwt.PyJWS().get_algorithm_by_name(algorithm)
    key = private_key(algorithm, owner)
    public = key if isinstance(key, str) else key.public_key()
    return {**kind.to_jwk(public, as_dict=True), "kid": "known", "alg": algorithm}


def signed(
    algorithm: str, header: dict[str, Any] | None = None, *, owner: str = OURS, said: bytes = CLAIMS
) -> str:
    """A token in which `header` is added to what says the algorithm and the key."""
    header = {"kid": "known"} | (header or {})
    return jwt.PyJWS().encode(said, private_key(algorithm, owner), algorithm, header)


@asynccontextmanager
async def verifier(key: str | bytes | dict[str, Any]) -> AsyncIterator[UserTokens]:
    """What verifies tokens in a process with this secret, or with this one key published."""
    if not isinstance(key, dict):
        secret: Any = key  # some of the vectors have a secret that is no text
        yield UserTokens(secret, None, None, None)
    else:
        with publishing(key) as server:
            yield UserTokens(None, server.url, None, None)


def known_key(algorithm: str) -> str | dict[str, Any]:
    return SECRET if algorithm == "HS256" else public_jwk(algorithm)


async def accepted(users: UserTokens, token: str) -> bool:
    try:
        await users.verify(token, NOW_S)
    except (TokenInvalid, Unavailable):
        return False
    return True


Change = Callable[[str, str, str, str], str]
"""Of the algorithm and the three parts of a good token it makes one that is not to be accepted."""


def other_signature(made: Callable[[bytes], bytes]) -> Change:
    return lambda _, head, said, signature: f"{head}.{said}.{text_of(made(raw_of(signature)))}"


def other_text(old: int, made: Callable[[str], str]) -> Change:
    """Part number `old` in other characters."""

    def change(_: str, *parts: str) -> str:
        return ".".join(made(part) if at == old else part for at, part in enumerate(parts))

    return change


def other_header(**fields: Any) -> Change:
    """Another header over the same signature."""

    def change(_: str, head: str, said: str, signature: str) -> str:
        return (
            f"{text_of(json.dumps(json.loads(raw_of(head)) | fields).encode())}.{said}.{signature}"
        )

    return change


def confused(algorithm: str, head: str, said: str, _: str) -> str:
    """The public key, which everybody knows, taken for a secret."""
    key = private_key(algorithm, OURS)
    if isinstance(key, str):
        return signed("HS256", owner=EVE)
    encoding = serialization.Encoding.PEM
    known = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hmac_token(b'{"alg":"HS256","kid":"known"}', raw_of(said), known)


def unused_bits(text: str) -> str:
    """The same bytes, by a last character that no encoder writes; else one character more."""
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if last != text[-1] and raw_of(text[:-1] + last) == raw_of(text):
            return text[:-1] + last
    return text + "A"


def in_json(_: str, head: str, said: str, signature: str) -> str:
    return json.dumps({"protected": head, "payload": said, "signature": signature})


def without_algorithm(name: str, end: str = "") -> Change:
    head = text_of(json.dumps({"alg": name, "kid": "known"}).encode())
    return lambda _, __, said, signature: f"{head}.{said}.{signature if end else ''}"


def by_eve(**fields: Any) -> Change:
    """Signed with another key, which the header may bring along."""
    return lambda algorithm, *_: signed(
        algorithm, fields | {"jwk": public_jwk(algorithm, EVE)}, owner=EVE
    )


LIST = text_of(b'["HS256"]')
CHANGES: dict[str, Change] = {
    "signature with one bit changed": other_signature(lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
    "signature with its last bit changed": other_signature(
        lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])
    ),
    "signature cut": other_signature(lambda raw: raw[:-1]),
    "signature with a zero after it": other_signature(lambda raw: raw + b"\0"),
    "signature with a zero before it": other_signature(lambda raw: b"\0" + raw),
    "signature of zeros": other_signature(lambda raw: bytes(len(raw))),
    "signature of ones": other_signature(lambda raw: b"\xff" * len(raw)),
    "signature of r = s = 1": other_signature(lambda raw: (bytes(len(raw) // 2 - 1) + b"\1") * 2),
    "signature in DER": other_signature(
        lambda raw: encode_dss_signature(
            int.from_bytes(raw[: len(raw) // 2]), int.from_bytes(raw[len(raw) // 2 :])
        )
    ),
    "signature empty": lambda _, head, said, __: f"{head}.{said}.",
    "signature missing": lambda _, head, said, __: f"{head}.{said}",
    "signature of another payload": lambda algorithm, head, said, _: (
        f"{head}.{said}.{signed(algorithm, said=b'{}').rpartition('.')[2]}"
    ),
    "payload changed": lambda _, head, __, signature: (
        f"{head}.{text_of(CLAIMS.replace(b'ada', b'eve'))}.{signature}"
    ),
    "payload missing": lambda _, head, __, signature: f"{head}.{signature}",
    "payload empty": lambda _, head, __, signature: f"{head}..{signature}",
    "header empty": lambda _, __, said, signature: f".{said}.{signature}",
    "header missing": lambda _, __, said, signature: f"{said}.{signature}",
    "header with a field more": other_header(typ="other"),
    "header with the key of another": other_header(kid="other"),
    "header with another algorithm": other_header(alg="RS1"),
    "header that is no object": lambda _, __, said, signature: f"{LIST}.{said}.{signature}",
    "nothing": lambda *_: "",
    "two dots": lambda *_: "..",
    "a part more": lambda _, *parts: ".".join([*parts, "AA"]),
    "an empty part more": lambda _, *parts: ".".join([*parts, ""]),
    "in JSON": in_json,
    "no algorithm, no signature": without_algorithm("none"),
    "no algorithm in capitals, no signature": without_algorithm("NONE"),
    "no algorithm, the signature": without_algorithm("none", "kept"),
    "public key as secret": confused,
    "key of a stranger": by_eve(),
    "key of a stranger at an address": by_eve(
        jku="https://eve.example/keys", x5u="https://eve.example"
    ),
    "header with what must be understood": lambda algorithm, *_: signed(
        algorithm, {"crit": ["votes"], "votes": 1}
    ),
    "payload apart": lambda algorithm, *_: signed(algorithm, {"b64": False, "crit": ["b64"]}),
} | {
    f"{name} with {what}": other_text(at, made)
    for at, name in enumerate(["header", "payload", "signature"])
    for what, made in {
        "a space": lambda text: f"{text[:5]} {text[5:]}",
        "a line break": lambda text: f"{text[:5]}\n{text[5:]}",
        "a character of no alphabet": lambda text: f"{text[:5]}?{text[5:]}",
        "characters of another alphabet": lambda text: f"+/+/{text}",
        "unused bits set": unused_bits,
    }.items()
}


async def accepted_changes(algorithm: str) -> list[str]:
    """The changes that are accepted all the same."""
    token = signed(algorithm)
    async with verifier(known_key(algorithm)) as users:
        assert await accepted(users, token)
        made = {name: change(algorithm, *token.split(".")) for name, change in CHANGES.items()}
        assert token not in made.values()
        return [name for name, text in made.items() if await accepted(users, text)]


@pytest.mark.parametrize("algorithm", ACCEPTED)
async def test_a_changed_token_is_refused(algorithm):
    assert await accepted_changes(algorithm) == []


async def test_padding_after_the_signature_is_accepted():
    token = signed("ES256")
    async with verifier(known_key("ES256")) as users:
        assert await accepted(users, token + "=" * (-len(token.rpartition(".")[2]) % 4))
        assert not await accepted(users, token + "=")


def test_these_are_the_algorithms():
    assert ["HS256", *ASYMMETRIC] == ACCEPTED


@pytest.mark.parametrize("algorithm", [*OTHERS, "HS256"])
async def test_a_published_key_of_another_algorithm_verifies_nothing(algorithm):
    with publishing(public_jwk(algorithm), public_jwk("RS256") | {"kid": "other"}) as server:
        users = UserTokens(None, server.url, None, None)
        assert await accepted(users, signed("RS256", {"kid": "other"}))
        assert not await accepted(users, signed(algorithm))


RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]


@pytest.mark.parametrize(
    ("known", "algorithms"),
    [("HS256", ["HS384", "HS512"]), *((name, RSA) for name in RSA if name in ACCEPTED)],
)
async def test_a_key_verifies_by_its_own_algorithm_only(known, algorithms):
    async with verifier(known_key(known)) as users:
        for algorithm in algorithms:
            header = {"kid": "known"}
            token = jwt.PyJWS().encode(CLAIMS, private_key(known, OURS), algorithm, header)
            assert await accepted(users, token) == (algorithm == known), algorithm


@pytest.mark.parametrize(
    "purpose",
    [
        {"use": "enc"},
        {"use": None},
        {"use": "sig", "key_ops": ["encrypt"]},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"key_ops": None},
    ],
    ids=str,
)
async def test_a_key_published_for_something_else_verifies_nothing(purpose):
    with publishing(
        public_jwk("RS256") | purpose, public_jwk("ES256") | {"kid": "other"}
    ) as server:
        users = UserTokens(None, server.url, None, None)
        assert await accepted(users, signed("ES256", {"kid": "other"}))
        assert not await accepted(users, signed("RS256"))


def switch_off(monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    """Verification by this algorithm's kind accepts anything."""
    kind = type(jwt.PyJWS().get_algorithm_by_name(algorithm))
    monkeypatch.setattr(kind, "verify", lambda *_: True)


@pytest.mark.parametrize("algorithm", ACCEPTED)
async def test_verification_switched_off_is_seen(monkeypatch, algorithm):
    switch_off(monkeypatch, algorithm)
    assert "payload changed" in await accepted_changes(algorithm)


FILE = "wycheproof/json_web_signature_test.json"
SHA256 = "8e687a06fe8359f4ec51480f1a9f73c8faebd6f4c01b818b843b44eee54fd5d9"
"""Of the file at commit dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166 of C2SP/wycheproof."""
CASES = 401
DIFFERENT = {
    **dict.fromkeys(range(320, 324), "PS384 is not accepted"),
    **dict.fromkeys(range(325, 329), "PS512 is not accepted"),
    **dict.fromkeys((346, 350), "the key is for PS256, the token says PS384"),
    **dict.fromkeys((347, 351), "the key is for ES521, which is no algorithm"),
    **dict.fromkeys((367, 370), "called invalid, but the same token as number 357, a valid one"),
    **dict.fromkeys((372, 373), "called valid, with a character that RFC 7515 (2) excludes"),
}
"""Where we do not do what the file says, by number, and why."""


@pytest.fixture(scope="module")
def vectors(test_data: Path) -> list[dict[str, Any]]:
    """The groups of vectors, each for one key."""
    if not (test_data / FILE).exists():
        pytest.skip(f"{FILE} is not in VOTES_TEST_DATA: WYCHEPROOF'S VECTORS DO NOT RUN")
    content = (test_data / FILE).read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256
    groups: list[dict[str, Any]] = json.loads(content)["testGroups"]
    assert sum(len(group["tests"]) for group in groups) == CASES
    return groups


async def signature_accepted(users: UserTokens, token: str) -> bool:
    """No vector has claims of ours: those with a good signature are refused for their payload."""
    try:
        await users.verify(token, NOW_S)
    except Unavailable:
        return False
    except TokenInvalid as refusal:
        missing = isinstance(refusal.__cause__, jwt.MissingRequiredClaimError)
        return missing or str(refusal).startswith("Invalid payload string")
    raise AssertionError(token)


async def unlike(groups: list[dict[str, Any]]) -> dict[int, str]:
    """The vectors of which our result is not the file's, each with its group."""
    found = {}
    for group in groups:
        key = group.get("public") or raw_of(group["private"]["k"])
        async with verifier(key) as users:
            for case in group["tests"]:
                if await signature_accepted(users, case["jws"]) != (case["result"] == "valid"):
                    found[case["tcId"]] = group["comment"]
    return found


async def test_what_wycheproof_says(vectors):
    assert (await unlike(vectors)).keys() == DIFFERENT.keys()


def test_two_of_its_vectors_are_called_both_valid_and_not(vectors):
    tokens = {case["tcId"]: case["jws"] for group in vectors for case in group["tests"]}
    assert tokens[357] == tokens[367] == tokens[370]


@pytest.mark.parametrize(
    ("algorithm", "groups"),
    [
        ("HS256", {"hs256"}),
        ("RS256", {"rs256"}),
        ("PS256", {"ps256"}),
        ("ES256", {"es256", "SpecialCaseEs256"}),
    ],
)
async def test_wycheproof_sees_verification_switched_off(vectors, monkeypatch, algorithm, groups):
    switch_off(monkeypatch, algorithm)
    found = {name for case, name in (await unlike(vectors)).items() if case not in DIFFERENT}
    assert found == groups
