"""People are logged in by an issuer (OpenID Connect Core 1.0): the code flow, with PKCE."""

import asyncio
import ssl
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
import structlog
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError
from msgspec import Struct

from votes.engine.ports import Unavailable
from votes.http.logins.fetched import TIMEOUT_S, Fetched, body, client
from votes.http.logins.tokens import LEEWAY_S, TokenInvalid, User, UserTokens, user_of
from votes.languages import ENGLISH

LIFETIME_S = 3_600
"""After so long the issuer's description is fetched again; the old one serves until it is there."""
REFETCH_S = 10
SCOPE = "openid profile"
USED = "invalid_grant"
"""The code has expired, was used, or is not one of this login (RFC 6749, 5.2)."""
ERROR_LENGTH_MAX = 60

logger = structlog.get_logger("votes.login")


class Description(Struct, frozen=True):
    """What an issuer says of itself (OpenID Connect Discovery 1.0, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Begun(Struct, frozen=True):
    """A login that has begun, as the browser keeps it: only what comes back with its `state` can
    end it, with its `nonce` and its `verifier`. `next` is the path to go to then, `keep` the slug
    of a tool that is to be bookmarked, `language` the tag of that in which it goes on."""

    state: str
    nonce: str
    verifier: str
    next: str
    keep: str | None = None
    language: str = ENGLISH


class LoginFailed(Exception):
    """Nobody was logged in; the message says why, for our log."""


class _Answer(Struct, frozen=True):
    id_token: str | None = None
    error: str | None = None


class OpenId:
    """An issuer, at which this site is the client `client_id`; without a secret it is a public
    one."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._secret = client_secret
        self._tls = ssl.create_default_context()
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        self._described = Fetched(url, self._checked)
        self._tokens: tuple[str, UserTokens] | None = None

    async def described(self) -> Description:
        """What the issuer says of itself. Raises `Unavailable` where that is not known."""
        fetched = self._described
        enough = fetched.value is not None and fetched.failure is None
        fetched.renew(LIFETIME_S if enough else REFETCH_S)
        if fetched.value is None:
            await fetched.wait(TIMEOUT_S)
        if fetched.value is None:
            reason = fetched.failure or "no answer yet"
            raise Unavailable(f"VOTES_OIDC_ISSUER: {fetched.url}: {reason}")
        return fetched.value

    def _checked(self, text: bytes) -> Description:
        described = msgspec.json.decode(text, type=Description)
        if described.issuer != self.issuer:
            raise ValueError(f"it is the description of {described.issuer[:200]!r}")
        used = [
            described.authorization_endpoint,
            described.token_endpoint,
            described.jwks_uri,
        ]
        used += filter(None, [described.end_session_endpoint])
        schemes = {urlsplit(address).scheme for address in used}
        if schemes != {urlsplit(self.issuer).scheme} and schemes != {"https"}:
            raise ValueError("anybody on the way can change what its addresses answer")
        return described

    async def begin(self, begun: Begun, back: str) -> str:
        """Where to send the browser, which comes back to `back`. Raises `Unavailable`."""
        address: str = prepare_grant_uri(
            (await self.described()).authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=back,
            scope=SCOPE,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
        )
        return address

    async def end(self, begun: Begun, back: str, code: str, issuer: str | None) -> User:
        """Who has logged in, with the code that the browser came back with. `issuer` is who sent it
        as the browser says (RFC 9207).

        Raises `LoginFailed`, and `Unavailable` where the issuer does not respond as it should.
        """
        described = await self.described()
        has_issuer = issuer is not None or described.authorization_response_iss_parameter_supported
        if has_issuer and issuer != self.issuer:
            raise LoginFailed("another issuer has sent the code")
        token = await self._exchanged(described, code, begun.verifier, back)
        if self._tokens is None or self._tokens[0] != described.jwks_uri:
            tokens = UserTokens(None, described.jwks_uri, self.issuer, self._client_id)
            self._tokens = described.jwks_uri, tokens
        try:
            claims = await self._tokens[1].claims(token)
            expected = {"nonce": begun.nonce, "client_id": self._client_id}
            CodeIDToken(claims, {}, params=expected).validate(leeway=LEEWAY_S)
            return user_of(claims)
        except (TokenInvalid, JoseError) as error:
            raise LoginFailed(str(error)) from error

    async def _exchanged(self, described: Description, code: str, verifier: str, back: str) -> str:
        """The ID token for a code."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, text = await self._asked(described, code, verifier, back)
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"{described.token_endpoint}: {reason}") from error
        try:
            answer = msgspec.json.decode(text, type=_Answer)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            answer = _Answer()
        if answer.error == USED:
            raise LoginFailed("the issuer does not take the code")
        if status != 200 or answer.id_token is None:
            reason = (answer.error or "")[:ERROR_LENGTH_MAX]
            raise Unavailable(f"{described.token_endpoint}: status {status} {reason!r}")
        return answer.id_token

    async def _asked(
        self, described: Description, code: str, verifier: str, back: str
    ) -> tuple[int, bytes]:
        methods = described.token_endpoint_auth_methods_supported
        basic = "client_secret_basic" in methods or "client_secret_post" not in methods
        method = "client_secret_basic" if basic else "client_secret_post"
        auth = ClientAuth(self._client_id, self._secret, method if self._secret else "none")
        address, headers, content = auth.prepare(
            "POST",
            described.token_endpoint,
            {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            prepare_token_request(
                "authorization_code", redirect_uri=back, code=code, code_verifier=verifier
            ),
        )
        async with (
            client(self._tls) as http,
            http.stream("POST", address, headers=headers, content=content) as answer,
        ):
            return answer.status_code, await body(answer)

    async def end_session(self, back: str) -> str | None:
        """Where somebody logs out at the issuer too, and comes back to `back` (OpenID Connect
        RP-Initiated Logout 1.0); None where it offers that not, or is away."""
        try:
            at = (await self.described()).end_session_endpoint
        except Unavailable:
            return None
        if at is None:
            return None
        asked: dict[str, Any] = {"client_id": self._client_id}
        if back:
            asked["post_logout_redirect_uri"] = back
        return f"{at}{'&' if urlsplit(at).query else '?'}{urlencode(asked)}"
