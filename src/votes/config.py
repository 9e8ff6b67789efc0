"""The settings: one frozen struct, read from the environment once.

| variable | meaning |
|---|---|
| `VOTES_POSTGRES_URL` | the log; its login is in `votes_api` or, of the worker, `votes_projector` |
| `VOTES_MIGRATION_URL` | the same database as its owner, for `votes migrate`; default: the log's |
| `VOTES_REDIS_URL` | read models |
| `VOTES_QUEUE_URL` | the worker's job queue; default: the read models' server |
| `VOTES_REDIS_PREFIX` | prefix of all our keys in Redis; default `votes` |
| `VOTES_DATA_DIR` | the embedded servers' data and secrets; default `./.data` |
| `VOTES_SECRET_KEYS` | comma-separated keys of our cookies: the first signs, all verify |
| `VOTES_JWT_SECRET` | shared secret of users' tokens (HS256) |
| `VOTES_JWKS_URL` | or the URL of the published keys of users' tokens |
| `VOTES_JWT_ISSUER`, `VOTES_JWT_AUDIENCE` | required values in users' tokens, if set |
| `VOTES_USER_COOKIE` | a cookie that may hold a user's token |
| `VOTES_LOGIN_URL`, `VOTES_LOGOUT_URL` | those of a site with a login of its own: `docs/login.md` |
| `VOTES_OIDC_ISSUER` | or who logs people in on the pages, by OpenID Connect: `docs/login.md` |
| `VOTES_OIDC_CLIENT_ID`, `VOTES_OIDC_CLIENT_SECRET` | what this site is and has at the issuer |
| `VOTES_DEMO_LOGIN` | `on`: anybody is whoever they like; `votes up --demo` sets it, on loopback |
| `VOTES_SAMPLES` | `on`: the pages say that there are sample votes; `votes up` sets it if so |
| `VOTES_PUBLIC_URL` | this site's address, like `https://example.com`, for canonical links |
| `VOTES_SMTP_URL` | who sends the weekly mail, or a folder that keeps it: `docs/digest.md` |
| `VOTES_MAIL_FROM` | and as whom, like `Ship or skip <news@example.com>` |
| `VOTES_ALLOWED_HOSTS` | or comma-separated names of such sites, each like `example.com:8443` |
| `VOTES_ALLOWED_ORIGINS` | comma-separated origins of other sites that may call the API |
| `VOTES_TRUSTED_PROXIES` | networks whose `X-Forwarded-Proto` and `-For` are believed |
| `VOTES_LIVE_STREAMS_MAX` | live streams of one API process; default 20000, open files permitting |
| `VOTES_LIVE_STREAMS_PER_NETWORK_MAX` | and of one network (IPv4, IPv6 /64); default 500 |
| `VOTES_LIMIT_…` | how often what may be asked: `docs/limits.md` lists them all |
| `VOTES_ON_BEHALF` | votes on behalf of others: `counted` (default), told `apart`, or `off` |
| `VOTES_CHALLENGE_COST` | how much a proof of work costs; default 5000: `docs/limits.md` |
| `VOTES_RELEASE_HELD_AFTER_H` | after how many hours the scan releases held votes; default 24 |
| `VOTES_SCAN_DISCOUNTS` | `on`: the scan discounts what it finds; default `off`: `docs/fraud.md` |
| `VOTES_COHORT_CLAIMS` | comma-separated claims of users' tokens that split tallies; default none |
| `VOTES_COHORT_MIN` | how many voters of one value are shown at least; default 5 |
| `VOTES_LANGUAGES` | a folder with more languages of the pages: `docs/languages.md` |
| `VOTES_LOG` | `debug`, `info` (default), `warning` or `error` |

Without any URL the embedded servers are used. Canonical links use `VOTES_PUBLIC_URL`; without it,
the request's `Host` where that is loopback or one of `VOTES_ALLOWED_HOSTS`; otherwise they are
relative, and everything else works. Deployments that share a Redis server need different prefixes.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from msgspec import Struct, ValidationError, convert

DATA_DIR_DEFAULT = Path(".data")
REDIS_PREFIX_DEFAULT = "votes"
SECRET_LENGTH_MIN = 16
COUNT_DIGITS_MAX = 9
LIMIT_WINDOW_S_MAX = 24 * 3600
"""What is kept of a network for a limit is gone after this long."""
LIMIT_RATE_MAX = 10_000
"""Of requests a second: what a limit counts in whole microseconds is then right within 0.5 %."""
CHALLENGE_COST, CHALLENGE_COST_MAX = 5_000, 1_000_000
RELEASE_HELD_AFTER_H = 24
"""A new visitor is new no more by then, and a campaign of a day has shown itself."""
COHORT_CLAIMS_MAX = 8
COHORT_MIN = 5
PERSONAL_CLAIMS = frozenset(
    (
        *("sub", "jti", "sid", "name", "given_name", "family_name", "middle_name", "nickname"),
        *("preferred_username", "profile", "picture", "email", "birthdate", "phone_number"),
        "address",
    )
)
"""Claims of RFC 7519 and OpenID Connect (Core 1.0, 5.1; Session ids) that are one person's."""
LogLevel = Literal["debug", "info", "warning", "error"]
LOG_LEVELS = get_args(LogLevel)
OnBehalf = Literal["counted", "apart", "off"]
Network = IPv4Network | IPv6Network
NOT_IN_A_DEMO = (
    "VOTES_LOGIN_URL",
    "VOTES_OIDC_ISSUER",
    "VOTES_PUBLIC_URL",
    "VOTES_ALLOWED_HOSTS",
    "VOTES_TRUSTED_PROXIES",
)
"""Who sets one of these has a login, or lets others in from elsewhere."""

# As a browser spells it: without a path or the usual port, in lower case.
_HOST = r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
_ORIGIN = rf"(?!https://.*:443$|http://.*:80$)https?://{_HOST}"
_LOOPBACK = r"(?:127\.0\.0\.1|localhost|\[::1\])"
_is_loopback = re.compile(rf"{_LOOPBACK}(?::[0-9]{{1,5}})?").fullmatch
_ISSUER = rf"(https://|http://{_LOOPBACK}(?=[:/]|$))[^\s?#\x00-\x20]+"
_PREFIX = r"[A-Za-z0-9._-]+"
_MAILBOX = r"[^\s<>@\x00-\x20]+@[^\s<>@\x00-\x20]+"
_MAIL_FROM = rf"{_MAILBOX}|[^<>@\x00-\x1f\x7f]*<{_MAILBOX}>"
_CLAIM = r"[!-~]{1,100}"
_COOKIE_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # a token (RFC 6265, RFC 9110)


class ConfigError(Exception):
    """A value is wrong or missing; the message is one line with its name."""


class Rate(Struct, frozen=True):
    """So many at once; what is used comes back evenly, all of it within the window."""

    quantity: int
    window_s: int


class Limits(Struct, frozen=True):
    """How often what may be asked, None for as often as one likes. What each counts stands in
    `votes.limits.policies`, why its default is what it is in `docs/limits.md`."""

    votes_by_visitor: Rate | None = Rate(6_000, 60)
    votes_by_user: Rate | None = Rate(6_000, 60)
    votes_by_network: Rate | None = Rate(60_000, 60)
    votes_by_tool: Rate | None = Rate(600_000, 60)
    visitors_by_network: Rate | None = Rate(10_000, 600)
    unproven_visitors_by_network: Rate | None = Rate(3, 3_600)
    unproven_votes_by_tool: Rate | None = Rate(4, 3_600)
    writes_by_user: Rate | None = Rate(60_000, 60)
    reads_by_network: Rate | None = Rate(3_000, 60)
    streams_by_network: Rate | None = Rate(3_000, 60)
    imports_by_user: Rate | None = Rate(20, 3_600)
    mails_by_network: Rate | None = Rate(20, 3_600)


class Config(Struct, frozen=True):
    """The settings. Embedded servers fill in a URL that is None."""

    postgres_url: str | None = None
    migration_url: str | None = None
    redis_url: str | None = None
    queue_url: str | None = None
    redis_prefix: str = REDIS_PREFIX_DEFAULT
    data_dir: Path = DATA_DIR_DEFAULT
    secret_keys: tuple[bytes, ...] = ()
    jwt_secret: str | None = None
    jwks_url: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    user_cookie: str | None = None
    login_url: str | None = None
    logout_url: str | None = None
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = None
    demo_login: bool = False
    samples: bool = False
    public_url: str | None = None
    smtp_url: str | None = None
    mail_from: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: frozenset[Network] = frozenset()
    live_streams_max: int = 20_000
    live_streams_per_network_max: int = 500
    limits: Limits = Limits()
    challenge_cost: int = CHALLENGE_COST
    release_held_after_h: int = RELEASE_HELD_AFTER_H
    scan_discounts: bool = False
    on_behalf: OnBehalf = "counted"
    cohort_claims: tuple[str, ...] = ()
    cohort_min: int = COHORT_MIN
    languages: Path | None = None
    log: LogLevel = "info"

    def __repr__(self) -> str:
        return "Config(...)"  # most of it is secret


def is_loopback(host: str) -> bool:
    """Whether this is a name of the very machine, with or without a port."""
    return _is_loopback(host) is not None


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    url = re.sub(r"(//[^/?#]*?):[^/?#]*@", r"\1:***@", url)
    return re.sub(r"([?&]password=)[^&#]*", r"\1***", url)


def load(env: Mapping[str, str]) -> Config:
    """The settings in the environment. Raises `ConfigError`."""
    postgres_url = _url(env, "VOTES_POSTGRES_URL", "postgresql", "postgres")
    redis_url = _url(env, "VOTES_REDIS_URL", "redis", "rediss", "unix")
    if env.get("VOTES_JWT_SECRET") and env.get("VOTES_JWKS_URL"):
        raise ConfigError("VOTES_JWKS_URL: set this or VOTES_JWT_SECRET, not both")
    _one_login(env)
    _whole_mail(env)
    return Config(
        postgres_url=postgres_url,
        migration_url=_url(env, "VOTES_MIGRATION_URL", "postgresql", "postgres") or postgres_url,
        redis_url=redis_url,
        queue_url=_url(env, "VOTES_QUEUE_URL", "redis", "rediss", "unix") or redis_url,
        redis_prefix=_like(env, "VOTES_REDIS_PREFIX", _PREFIX, "votes-2") or REDIS_PREFIX_DEFAULT,
        data_dir=Path(env.get("VOTES_DATA_DIR") or DATA_DIR_DEFAULT),
        secret_keys=_secret_keys(env),
        jwt_secret=_secret("VOTES_JWT_SECRET", env.get("VOTES_JWT_SECRET") or None),
        jwks_url=_url(env, "VOTES_JWKS_URL", "https", "http"),
        jwt_issuer=env.get("VOTES_JWT_ISSUER") or None,
        jwt_audience=env.get("VOTES_JWT_AUDIENCE") or None,
        user_cookie=_like(env, "VOTES_USER_COOKIE", _COOKIE_NAME, "session"),
        login_url=_url(env, "VOTES_LOGIN_URL", "https", "http"),
        logout_url=_url(env, "VOTES_LOGOUT_URL", "https", "http"),
        oidc_issuer=_like(env, "VOTES_OIDC_ISSUER", _ISSUER, "https://login.example.com"),
        oidc_client_id=env.get("VOTES_OIDC_CLIENT_ID") or None,
        oidc_client_secret=env.get("VOTES_OIDC_CLIENT_SECRET") or None,
        demo_login=_is_on(env, "VOTES_DEMO_LOGIN"),
        samples=_is_on(env, "VOTES_SAMPLES"),
        public_url=_like(env, "VOTES_PUBLIC_URL", _ORIGIN, "https://example.com"),
        smtp_url=_url(env, "VOTES_SMTP_URL", "smtp", "smtps", "starttls", "file"),
        mail_from=_like(env, "VOTES_MAIL_FROM", _MAIL_FROM, "Ship or skip <news@example.com>"),
        allowed_hosts=_each_like(env, "VOTES_ALLOWED_HOSTS", _HOST, "example.com"),
        allowed_origins=_each_like(env, "VOTES_ALLOWED_ORIGINS", _ORIGIN, "https://example.com"),
        trusted_proxies=_networks(env),
        live_streams_max=_count(env, "VOTES_LIVE_STREAMS_MAX", 20_000),
        live_streams_per_network_max=_count(env, "VOTES_LIVE_STREAMS_PER_NETWORK_MAX", 500),
        limits=_limits(env),
        challenge_cost=_cost(env),
        release_held_after_h=_count(env, "VOTES_RELEASE_HELD_AFTER_H", RELEASE_HELD_AFTER_H),
        scan_discounts=_is_on(env, "VOTES_SCAN_DISCOUNTS"),
        on_behalf=_on_behalf(env),
        cohort_claims=_cohort_claims(env),
        cohort_min=_count(env, "VOTES_COHORT_MIN", COHORT_MIN),
        languages=_folder(env, "VOTES_LANGUAGES"),
        log=_log_level(env),
    )


def without_login(url: str) -> str:
    """The URL without a user and a password."""
    return re.sub(r"//[^/?#]*@", "//", url)


def _whole_mail(env: Mapping[str, str]) -> None:
    """Raises `ConfigError` for mails to others that nobody sends, or whose links lead nowhere."""
    if env.get("VOTES_SMTP_URL", "").strip() and not env["VOTES_SMTP_URL"].startswith("file:"):
        for name in ("VOTES_MAIL_FROM", "VOTES_PUBLIC_URL"):
            if not env.get(name):
                raise ConfigError(f"{name}: is missing; with VOTES_SMTP_URL mails are sent")


def _one_login(env: Mapping[str, str]) -> None:
    """Raises `ConfigError` for settings of two ways to log in, and for half of those of one."""
    if bool(env.get("VOTES_OIDC_ISSUER")) != bool(env.get("VOTES_OIDC_CLIENT_ID")):
        missing = "CLIENT_ID" if env.get("VOTES_OIDC_ISSUER") else "ISSUER"
        raise ConfigError(f"VOTES_OIDC_{missing}: is missing")
    if env.get("VOTES_LOGIN_URL") and env.get("VOTES_OIDC_ISSUER"):
        raise ConfigError("VOTES_LOGIN_URL: set this or VOTES_OIDC_ISSUER, not both")
    if env.get("VOTES_LOGOUT_URL") and not env.get("VOTES_LOGIN_URL"):
        raise ConfigError("VOTES_LOGOUT_URL: is for a site with a VOTES_LOGIN_URL")
    if _is_on(env, "VOTES_DEMO_LOGIN"):
        for name in NOT_IN_A_DEMO:
            if env.get(name):
                raise ConfigError(f"VOTES_DEMO_LOGIN: is for a demo, which has no {name}")


def unknown_names(env: Mapping[str, str]) -> dict[str, str]:
    """The names in the environment that look like a setting, each with the nearest real one."""
    fields = [field for field in Config.__struct_fields__ if field != "limits"]
    names = [f"VOTES_{field.upper()}" for field in fields]
    names += [limit_setting(field) for field in Limits.__struct_fields__]
    unknown = sorted(name for name in env if name.startswith("VOTES_") and name not in names)
    return {name: get_close_matches(name, names, n=1, cutoff=0)[0] for name in unknown}


def _list(env: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in env.get(name, "").split(",") if part.strip()]


def _url(env: Mapping[str, str], name: str, *schemes: str) -> str | None:
    url = env.get(name, "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # what it says may be a part of the password
        raise ConfigError(
            f"{name}: not a URL; in a password, write what is no letter or digit as %XX"
        ) from None
    if parts.scheme not in schemes:
        raise ConfigError(f"{name}: must begin with {' or '.join(s + '://' for s in schemes)}")
    return url


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > COUNT_DIGITS_MAX:
        raise ConfigError(f"{name}: {text[:20]!r} is not a count")
    return int(text)


def _cost(env: Mapping[str, str]) -> int:
    cost = _count(env, "VOTES_CHALLENGE_COST", CHALLENGE_COST)
    if not 1 <= cost <= CHALLENGE_COST_MAX:
        raise ConfigError(f"VOTES_CHALLENGE_COST: {cost} is not from 1 to {CHALLENGE_COST_MAX}")
    return cost


def _is_on(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name) or "off"
    if text not in ("on", "off"):
        raise ConfigError(f"{name}: {text[:20]!r} is neither on nor off")
    return text == "on"


def limit_setting(field: str) -> str:
    """The name of a limit's setting."""
    return f"VOTES_LIMIT_{field.upper()}"


def _limits(env: Mapping[str, str]) -> Limits:
    settings = {field: limit_setting(field) for field in Limits.__struct_fields__}
    given = {field: (name, env[name]) for field, name in settings.items() if env.get(name)}
    return Limits(**{field: _rate(*setting) for field, setting in given.items()})


def _rate(name: str, text: str) -> Rate | None:
    if text == "off":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,4})", text)
    if match is None:
        raise ConfigError(f"{name}: {text[:20]!r} is not like 120/60 (so many in so many s) or off")
    rate = Rate(int(match[1]), int(match[2]))
    if rate.window_s > LIMIT_WINDOW_S_MAX or rate.quantity > LIMIT_RATE_MAX * rate.window_s:
        raise ConfigError(f"{name}: at most {LIMIT_RATE_MAX} a second, in at most a day")
    return rate


def _secret(name: str, secret: str | None) -> str | None:
    if secret is not None and len(secret) < SECRET_LENGTH_MIN:
        raise ConfigError(f"{name}: shorter than {SECRET_LENGTH_MIN} characters")
    return secret


def _secret_keys(env: Mapping[str, str]) -> tuple[bytes, ...]:
    keys = _list(env, "VOTES_SECRET_KEYS")
    for key in keys:
        _secret("VOTES_SECRET_KEYS", key)
    return tuple(key.encode() for key in keys)


def _each_like(env: Mapping[str, str], name: str, form: str, example: str) -> tuple[str, ...]:
    texts = _list(env, name)
    for text in texts:
        if not re.fullmatch(form, text):
            raise ConfigError(f"{name}: {text!r} is not like {example}")
    return tuple(texts)


def _like(env: Mapping[str, str], name: str, form: str, example: str) -> str | None:
    text = env.get(name) or None
    if text is not None and not re.fullmatch(form, text):
        raise ConfigError(f"{name}: {text!r} is not like {example}")
    return text


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    text = env.get(name)
    if text and not Path(text).is_dir():
        raise ConfigError(f"{name}: {text!r} is not a folder")
    return Path(text) if text else None


def _networks(env: Mapping[str, str]) -> frozenset[Network]:
    try:
        listed = _list(env, "VOTES_TRUSTED_PROXIES")
        return frozenset(ip_network(text, strict=False) for text in listed)
    except ValueError as error:
        raise ConfigError(f"VOTES_TRUSTED_PROXIES: {error}") from error


def _on_behalf(env: Mapping[str, str]) -> OnBehalf:
    setting = env.get("VOTES_ON_BEHALF") or "counted"
    try:
        return cast("OnBehalf", convert(setting, OnBehalf))
    except ValidationError:
        names = ", ".join(get_args(OnBehalf))
        raise ConfigError(f"VOTES_ON_BEHALF: {setting!r} is none of {names}") from None


def _cohort_claims(env: Mapping[str, str]) -> tuple[str, ...]:
    names = _each_like(env, "VOTES_COHORT_CLAIMS", _CLAIM, "plan")
    if len(names) > COHORT_CLAIMS_MAX:
        raise ConfigError(f"VOTES_COHORT_CLAIMS: at most {COHORT_CLAIMS_MAX}")
    if personal := sorted(PERSONAL_CLAIMS.intersection(names)):
        raise ConfigError(f"VOTES_COHORT_CLAIMS: {personal[0]!r} says who somebody is")
    return names


def _log_level(env: Mapping[str, str]) -> LogLevel:
    level = (env.get("VOTES_LOG") or "info").lower()
    try:
        return cast("LogLevel", convert(level, LogLevel))
    except ValidationError:
        raise ConfigError(f"VOTES_LOG: {level!r} is none of {', '.join(LOG_LEVELS)}") from None
