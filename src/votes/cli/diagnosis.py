"""The checks of `votes doctor`."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
from msgspec import Struct

from votes.app.moderation.scanning import CONSUMER
from votes.cli.settings import has_secrets
from votes.config import Config, without_password
from votes.domain import link
from votes.domain.moderation import ruling
from votes.engine.ports import Unavailable, Unfinished
from votes.engine.projection import PARKED
from votes.engine.read_models import ReadModels
from votes.limits.policies import POLICIES
from votes.mail.sending import NoServer, mailer_of
from votes.resources import connect_redis, event_store, now, required
from votes.store.connections import CONNECT_TIMEOUT_S, REPORTS, create_pool, translated
from votes.store.migrate import pending
from votes.store.postgres import PostgresEventStore
from votes.store.subscriptions import Subscriptions
from votes.views.read_model_store import translated as redis_translated
from votes.wiring import read_model_store

POSTGRES_MIN = 15
REDIS_MIN = 7
LAG_EVENTS_MAX = 10_000
PARKED_SHOWN_MAX = 20
UNFINISHED_SHOWN_MAX = 20
UNFINISHED_LATE = timedelta(minutes=10)


class Check(Struct, frozen=True):
    name: str
    ok: bool
    found: str


async def diagnose(config: Config) -> list[Check]:
    """All possible checks, without those that need a server that does not respond."""
    checks: list[Check] = []
    for source in (_postgres(config), _redis(config)):
        try:
            checks.extend([check async for check in source])
        except Unavailable as error:
            checks.append(Check("server", False, str(error)))
    names = {check.name for check in checks}
    if "log" in names and "server" not in names:
        checks.extend([check async for check in _projection(config)])
    checks.extend([check async for check in _logins(config)])
    checks.extend([check async for check in _mail(config)])
    return [*checks, *_limits(config), *_scan(config), _cohorts(config)]


async def _logins(config: Config) -> AsyncIterator[Check]:
    """How people log in."""
    by = "VOTES_JWKS_URL" if config.jwks_url else "VOTES_JWT_SECRET" if config.jwt_secret else None
    if by is None and not config.secret_keys and has_secrets(config.data_dir):
        by = "the secret that `votes up` and `votes token` keep in the data directory"
    text = f"verified by {by}" if by else "refused: neither VOTES_JWT_SECRET nor VOTES_JWKS_URL"
    yield Check("users' tokens", True, text)
    if config.login_url is not None:
        cookie = config.user_cookie
        text = "at VOTES_LOGIN_URL, whose token comes in the cookie"
        missing = "VOTES_USER_COOKIE: is missing, so nobody is known when they come back"
        yield Check("people log in", cookie is not None, f"{text} {cookie}" if cookie else missing)
    elif config.oidc_issuer is not None:
        async for check in _issuer(config, config.oidc_issuer):
            yield check
    else:
        text = "as whoever they like" if config.demo_login else "not on the pages but in a demo"
        yield Check("people log in", True, text)


async def _issuer(config: Config, name: str) -> AsyncIterator[Check]:
    from votes.http.logins.openid import OpenId  # noqa: PLC0415 - to load it takes longer than a command
    from votes.http.logins.published_keys import PublishedKeys  # noqa: PLC0415

    issuer = OpenId(name, config.oidc_client_id or "", config.oidc_client_secret)
    yield Check("people log in", True, f"at {name} (OpenID Connect)")
    named = config.public_url or config.allowed_hosts
    how = "by VOTES_PUBLIC_URL or VOTES_ALLOWED_HOSTS" if named else "on loopback alone"
    yield Check("  and come back", True, f"{how}, to /login/back")
    try:
        described = await issuer.described()
        keys = await PublishedKeys(described.jwks_uri, lambda: None).count()
    except Unavailable as error:
        yield Check("  issuer", False, str(error))
        return
    yield Check("  issuer", keys > 0, f"keys at {described.jwks_uri}: {keys}")
    ends = described.end_session_endpoint
    yield Check("  log-out there", True, ends or "not offered")


async def _mail(config: Config) -> AsyncIterator[Check]:
    """Whether the weekly mail is sent, and to how many."""
    if config.smtp_url is None:
        yield Check("weekly mail", True, "not sent: VOTES_SMTP_URL is not set")
        return
    try:
        async with mailer_of(config.smtp_url).open():
            yield Check("weekly mail", True, f"by {without_password(config.smtp_url)}")
        async with event_store(config, REPORTS) as store:
            counts = await Subscriptions(store).counts()
    except (NoServer, Unavailable) as error:
        yield Check("weekly mail", False, str(error))
        return
    text = f"{counts.confirmed}, {counts.unconfirmed} not confirmed, {counts.bounced} bounced"
    yield Check("  readers", True, text)
    yield Check("  to be sent", True, str(counts.due + counts.later))


def _limits(config: Config) -> Iterator[Check]:
    for policy in POLICIES:
        rate = getattr(config.limits, policy.field)
        text = "off" if rate is None else f"{rate.quantity} within {rate.window_s} s"
        yield Check(f"limit {policy.name}", True, text)


def _scan(config: Config) -> Iterator[Check]:
    hours = config.release_held_after_h
    text = f"after {hours} h, where the scan finds nothing" if hours else "by moderators alone"
    yield Check("held votes are released", True, text)
    text = "by the scan itself" if config.scan_discounts else "by moderators alone"
    yield Check("clusters are discounted", True, text)


def _cohorts(config: Config) -> Check:
    names = ", ".join(config.cohort_claims)
    text = f"{names}; values of {config.cohort_min} voters and more" if names else "by no claim"
    return Check("tallies are split", True, text)


async def _postgres(config: Config) -> AsyncIterator[Check]:
    url = required(config.postgres_url, "VOTES_POSTGRES_URL")
    async with translated():
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
        try:
            version = connection.get_server_version()
            yield Check(
                "postgres", version.major >= POSTGRES_MIN, f"{version.major}.{version.minor}"
            )
            for name, wanted in (("fsync", "on"), ("synchronous_commit", None)):
                value = await connection.fetchval("SHOW " + name)
                yield Check(name, value == wanted or (wanted is None and value != "off"), value)
            missing = await pending(connection)
            lacks = f"not applied: {', '.join(missing)}; run votes migrate as the owner"
            yield Check("migrations", not missing, lacks if missing else "all applied")
        finally:
            await connection.close()
    if not missing:
        pool = await create_pool(url, REPORTS)
        async with pool:
            head = await PostgresEventStore(pool).head()
        yield Check("log", True, f"{head} events")


async def _redis(config: Config) -> AsyncIterator[Check]:
    redis = connect_redis(required(config.redis_url, "VOTES_REDIS_URL"))
    try:
        async with redis_translated():
            info: dict[str, Any] = await redis.info("server")
        version = str(info["redis_version"])
        name = str(info.get("server_name", "redis"))
        yield Check(
            name,
            int(version.partition(".")[0]) >= REDIS_MIN,
            str(info.get("valkey_version", version)),
        )
    finally:
        await redis.aclose()


async def _projection(config: Config) -> AsyncIterator[Check]:
    async with event_store(config, REPORTS) as store, read_model_store(config) as read_models:
        heartbeat, models, head = (
            await read_models.heartbeat(),
            await read_models.load(),
            await store.head(),
        )
        rulings = await store.unfinished(ruling.PREFIX, UNFINISHED_SHOWN_MAX)
        links = await store.unfinished(link.PREFIX, UNFINISHED_SHOWN_MAX)
        scanned = await store.reached(CONSUMER)
    behind = max(head - scanned, 0)
    text = f"at position {scanned}, {behind} events behind the log"
    yield Check("scan", behind <= LAG_EVENTS_MAX, text)
    yield unfinished_checked("rulings", rulings)
    yield unfinished_checked("undone links", links)
    text = "keeps the read models fresh" if heartbeat else "has no heartbeat: does a worker run?"
    yield Check("projector", heartbeat is not None, text)
    if models is None:
        yield Check("read models", False, "missing or incomplete")
        return
    behind = max(head - models.position, 0)
    text = f"at position {models.position}, {behind} events behind the log"
    yield Check("read models", behind <= LAG_EVENTS_MAX, text)
    for projection in models.projections.all:
        if projection is not PARKED:
            count = sum(1 for _ in models.items(projection))
            text = f"{count} values of version {projection.version}"
            yield Check(f"  {projection.name}", True, text)
    yield _parked(models)


def unfinished_checked(what: str, unfinished: Sequence[Unfinished]) -> Check:
    """Names those that are not carried out. One that was made long ago is a fault."""
    late = any(one.last.at < now() - UNFINISHED_LATE for one in unfinished)
    named = ", ".join(one.last.stream.partition(":")[2] for one in unfinished)
    return Check(what, not late, f"not carried out: {named}" if named else "carried out")


def _parked(models: ReadModels) -> Check:
    parked = sorted(models.parked().items())
    shown = [
        f"{position} {one.kind}: {one.reason} (release {one.release})"
        for position, one in parked[:PARKED_SHOWN_MAX]
    ]
    more = [f"and {len(parked) - len(shown)} more"] if len(parked) > len(shown) else []
    return Check("parked events", not parked, "\n".join(shown + more) or "none")
