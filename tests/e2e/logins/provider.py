"""An issuer of logins (OpenID Connect) over HTTP, which may be slow to trust: `oidc-provider-mock`,
with PKCE, which it does not check itself."""

import contextlib
import json
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
import jwt
from werkzeug.serving import make_server

from tests.e2e.asking import put
from tests.site import free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import oidc_provider_mock

CLIENT, SECRET = "votes", "what the issuer knows of this site"
Claims = dict[str, Any]


class Provider:
    """`bend` alters the claims of the ID tokens that it signs, `describe` what it says of itself;
    `refuse` is a status for all that programs ask. `tokens` are the forms that asked for one."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"  # for a browser another site than 127.0.0.1
        self.tokens: list[dict[str, str]] = []
        self.asked: list[str] = []
        self._challenges: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        self.bend: Callable[[Claims], Claims] = dict
        self.describe: Claims = {}
        self.refuse: int | None = None
        self.sign_with: Any = None

    def settings(self) -> dict[str, Any]:
        names = ("VOTES_OIDC_ISSUER", "VOTES_OIDC_CLIENT_ID", "VOTES_OIDC_CLIENT_SECRET")
        return dict(zip(names, (self.url, CLIENT, SECRET), strict=True))

    def knows(self, subject: str, **claims: Any) -> str:
        answer = put(f"{self.url}/users/{subject}", json=claims)
        assert answer.status_code == 204, answer.text
        return subject

    def before(self) -> Any:
        path = flask.request.path
        self.asked.append(path)
        if self.refuse and path != "/oauth2/authorize":
            return flask.Response("<html>Down</html>", self.refuse)
        if path == "/oauth2/token":
            form = flask.request.form.to_dict()
            self.tokens.append(form | {"authorization": str(flask.request.authorization)})
            verifier = form.get("code_verifier", "").encode()
            challenge = urlsafe_b64encode(sha256(verifier).digest()).rstrip(b"=").decode()
            if self._challenges.pop(form["code"], None) != challenge:
                return flask.Response('{"error":"invalid_grant"}', 400)
        return None

    def after(self, answer: flask.Response) -> flask.Response:
        path = flask.request.path
        if path == "/oauth2/authorize" and answer.status_code == 302:
            sent = parse_qs(urlsplit(answer.headers["Location"]).query)
            if "code" in sent:
                assert flask.request.args["code_challenge_method"] == "S256"
                self._challenges[sent["code"][0]] = flask.request.args["code_challenge"]
        if path == "/oauth2/token" and answer.status_code == 200:
            said = json.loads(answer.data)
            said["id_token"] = self._bent(said["id_token"])
            answer.data = json.dumps(said)
        if path.endswith("/openid-configuration") and answer.status_code == 200:
            answer.data = json.dumps(json.loads(answer.data) | self.describe)
        return answer

    def _bent(self, token: str) -> str:
        key = flask.g.oidc_provider_mock_storage.jwk
        headers = {"kid": name} if (name := jwt.get_unverified_header(token).get("kid")) else {}
        claims = self.bend(jwt.decode(token, options={"verify_signature": False}))
        signing = self.sign_with or key.get_private_key()
        return jwt.encode(claims, signing, algorithm="RS256", headers=headers)


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    port = free_port()
    running = Provider(port)
    app = oidc_provider_mock.app()
    app.before_request(running.before)
    app.after_request(running.after)
    server = make_server("localhost", port, app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def agreed(http: httpx.Client, address: str, subject: str, **fields: str) -> str:
    """Somebody logs in at the issuer; the address that it sends the browser back to."""
    answer = http.post(address, data={"sub": subject, **fields})
    assert answer.status_code == 302, answer.text
    back: str = answer.headers["location"]
    return back


def begun(http: httpx.Client, **query: str) -> str:
    """The issuer's address to which the login leads."""
    answer = http.get("/login", params=query)
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    return address


def logged_in(http: httpx.Client, subject: str, **query: str) -> httpx.Response:
    """The last response of a login: it leads back."""
    return http.get(agreed(http, begun(http, **query), subject))
