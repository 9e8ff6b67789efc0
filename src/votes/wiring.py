"""The only place that connects the parts of an API process and those of a worker."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import count

import structlog
from msgspec import Struct

from votes.app.bookmarks.shelves import Shelves
from votes.app.catalogue.past import Past
from votes.app.catalogue.stored import StoredValues
from votes.app.catalogue.tool_orders import tool_orders
from votes.app.linking import Links
from votes.app.moderation.rulings import carry_out_all
from votes.app.moderation.scan_rulings import discount_clusters, release_held
from votes.app.moderation.scanning import Scanner
from votes.app.unlinking import undo_all
from votes.config import Config, ConfigError
from votes.engine.batcher import Batcher
from votes.engine.handle import Request, Result, handle
from votes.engine.heads import Heads
from votes.engine.ports import EventStore
from votes.engine.projecting.projector import Projector, belongs_to_log
from votes.engine.read_models import Changes, ReadModels
from votes.engine.reading.reader import Reader
from votes.engine.reading.replica import Listener, Replica
from votes.languages import languages_of
from votes.limits.limiter import Limiter
from votes.limits.networks import Networks
from votes.limits.policies import limits_by_what_counts
from votes.live.hub import Hub
from votes.live.sockets import streams_allowed
from votes.mail.delivery import CLAIM, deliver
from votes.mail.letters import FROM_FOLDER, Letters
from votes.mail.sending import mailer_of
from votes.projections import PROJECTIONS
from votes.resources import DEMO_URL, connected, event_store, namespace, now, required
from votes.running import beside, ends_the_process, first_of, give_back_memory
from votes.search.finder import PAUSE_S, Finder
from votes.store.connections import PAST, READS, WORKER, WRITES
from votes.store.lead import leading, until_lost
from votes.store.people import People
from votes.store.postgres import PostgresEventStore
from votes.store.subscriptions import Subscriptions
from votes.views.importer import Importer
from votes.views.imports import Imports
from votes.views.pictures import RedisPictures
from votes.views.read_model_store import RedisReadModelStore, raise_swallowed_cancellation
from votes.views.subscription import Subscription

RULINGS_POLL_S = 1.0
LINKS_POLL_S = 1.0
SCAN_POLL_S = 10.0
RELEASE_PASSES = 30
"""Held votes are looked at in each so many passes of the scan."""
FREE_LOG_POLL_S = 0.5
ERASURES_POLL_S = 60.0
IMPORTS_POLL_S = 0.5
SEEN_POLL_S = 1.0
MAIL_POLL_S = 2.0
TIDY_POLL_S = 3_600.0
ORDERS_POLL_S = 1.0
"""How often the kept orders are brought up to date where nobody reads them: so that who reads them
waits for few changes, and busy tools are moved once a second and not with each vote."""

logger = structlog.get_logger("votes")


@asynccontextmanager
async def read_model_store(config: Config) -> AsyncIterator[RedisReadModelStore]:
    async with connected(config) as space:
        yield RedisReadModelStore(space, PROJECTIONS)


class Services(Struct):
    """What the API's routes use. Writes and the past use other connections than `store`."""

    config: Config
    store: PostgresEventStore
    people: People
    subscriptions: Subscriptions
    links: Links
    shelves: Shelves
    submit: Callable[[Request], Awaitable[Result]]
    replica: Replica
    reader: Reader
    finder: Finder
    stored: StoredValues
    past: Past
    read_model_store: RedisReadModelStore
    pictures: RedisPictures
    imports: Imports
    hub: Hub
    limiter: Limiter
    networks: Networks


@asynccontextmanager
async def services(config: Config) -> AsyncIterator[Services]:
    """The parts of one API process, running."""
    if not config.secret_keys:
        raise ConfigError("VOTES_SECRET_KEYS: is missing")
    space = namespace(config)
    heads = Heads()
    async with (
        event_store(config, WRITES, heads.clear) as writes,
        event_store(config, READS) as store,
        event_store(config, PAST) as past,
    ):
        replica = Replica()
        people = People(store, writes)
        batcher = batcher_on(writes, heads)
        links = Links(store, batcher.submit, now)
        shelves = Shelves(store)
        forget = heads.clear, people.clear, links.clear, shelves.clear
        replica.listeners.append(_in_each_world(*forget))
        hub = Hub(replica, _streams_max(config), config.live_streams_per_network_max)
        limiter = Limiter(space, limits_by_what_counts(config.limits))
        networks = Networks(space, time.time)
        read_models = RedisReadModelStore(space, PROJECTIONS)
        reader = Reader(replica, store, PROJECTIONS)
        finder = Finder()
        replica.listeners.append(finder.follow)
        importer = Importer(imports := Imports(space))
        in_this_log = partial(belongs_to_log, store)
        subscription = Subscription(
            space, PROJECTIONS, in_this_log, replica.changed, time.time, logger.warning
        )
        tasks = [
            asyncio.create_task(subscription.run(), name="subscription"),
            asyncio.create_task(keep_log_free(store), name="free log"),
            asyncio.create_task(keep_orders(replica), name="orders"),
            asyncio.create_task(keep_search(finder), name="search"),
            asyncio.create_task(beside("imports", IMPORTS_POLL_S, importer.look), name="imports"),
            asyncio.create_task(beside("networks", SEEN_POLL_S, networks.write), name="networks"),
        ]
        for task in tasks:
            task.add_done_callback(ends_the_process)
        try:
            yield Services(
                config,
                store,
                people,
                Subscriptions(store),
                links,
                shelves,
                batcher.submit,
                replica,
                reader,
                finder,
                StoredValues(reader, read_models),
                Past(past, reader, read_models),
                read_models,
                RedisPictures(space),
                imports,
                hub,
                limiter,
                networks,
            )
        finally:
            await batcher.close()
            await limiter.close()
            await reader.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await space.redis.aclose()


def _streams_max(config: Config) -> int:
    allowed = streams_allowed(config.live_streams_max)
    if allowed < config.live_streams_max:
        logger.warning("the limit of open files allows fewer streams", streams_max=allowed)
    return allowed


def _in_each_world(*clear: Callable[[], None]) -> Listener:
    """Clears what was remembered when the world changes: the log may have been restored."""
    world = ""

    def on_change(models: ReadModels | None, _: Changes | None) -> None:
        nonlocal world
        if models is not None and models.world != world:
            world = models.world
            for each in clear:
                each()

    return on_change


def batcher_on(store: PostgresEventStore, heads: Heads | None = None) -> Batcher:
    """A batcher that uses the cached `heads`; without them it reads every stream each time.

    A batch is decided and stored in one session. So where each new connection clears the heads, no
    batch rests on what was read before a restart or a restore of Postgres.
    """

    async def handle_batch(requests: Sequence[Request]) -> list[Result | None]:
        async with store.one_session() as session:
            return await handle(session, requests, heads)

    return Batcher(handle_batch)


async def project(config: Config) -> None:
    """Lead, project, and do all other work of a leading worker, until cancelled.

    Raises when the lead or a server is lost.
    """
    url = required(config.postgres_url, "VOTES_POSTGRES_URL")
    async with (
        event_store(config, WORKER) as store,
        connected(config) as space,
        leading(url, PROJECTIONS.signature) as (appended, lost),
    ):
        logger.info("projecting")
        people, networks = People(store, store), Networks(space, time.time)
        read_models = RedisReadModelStore(space, PROJECTIONS)
        projector = Projector(store, read_models, appended, time.time, logger.warning)
        works = {
            "rulings": (RULINGS_POLL_S, lambda: carry_out_all(store, now())),
            "links": (LINKS_POLL_S, lambda: undo_all(store, now())),
            "scan": (SCAN_POLL_S, lambda: _scan(store, config, networks)),
            "erasures": (ERASURES_POLL_S, people.finish_erasures),
            "mail": (MAIL_POLL_S, lambda: send_mails(config, store)),
            "old addresses": (TIDY_POLL_S, Subscriptions(store).tidy),
        }
        await first_of(
            asyncio.create_task(projector.run()),
            *(asyncio.create_task(beside(part, *work)) for part, work in works.items()),
            asyncio.create_task(keep_log_free(store)),
            asyncio.create_task(until_lost(lost)),
        )


async def send_mails(config: Config, store: PostgresEventStore, claim: timedelta = CLAIM) -> int:
    """Send all mails that are due, where mail is set up; how many were sent. Raises `NoServer`."""
    if config.smtp_url is None:
        return 0
    mailer = mailer_of(config.smtp_url)
    return await deliver(Subscriptions(store), mailer, letters(config), claim)


def letters(config: Config) -> Letters:
    """Who writes mails."""
    languages = languages_of(config.languages)
    return Letters(config.public_url or DEMO_URL, config.mail_from or FROM_FOLDER, languages)


async def _scan(store: EventStore, config: Config, networks: Networks) -> None:
    """Look for fraud, and rule on it as far as the settings say, until cancelled."""
    scanner = Scanner(store, now, networks_of=networks.of)
    quiet = timedelta(hours=config.release_held_after_h)
    await scanner.begin()
    for passes in count():
        await scanner.catch_up()
        if config.scan_discounts:
            await discount_clusters(store, scanner, now())
        if quiet and passes % RELEASE_PASSES == 0:
            await release_held(store, scanner, now(), quiet)
        raise_swallowed_cancellation()
        await asyncio.sleep(SCAN_POLL_S)


async def keep_log_free(store: PostgresEventStore) -> None:
    """End sessions that keep the log from others, until cancelled."""

    async def free() -> None:
        if ended := await store.free():
            logger.warning("ended sessions that held the log", sessions=ended)

    await beside("free log", FREE_LOG_POLL_S, free)


async def keep_search(finder: Finder) -> None:
    """Bring the index of the search up to date, again and again, until cancelled."""

    async def keep() -> None:
        if await finder.catch_up():  # the last part of what follows a load
            await asyncio.to_thread(give_back_memory)

    await beside("search", PAUSE_S, keep)


async def keep_orders(replica: Replica) -> None:
    """Bring the orders of the live read models up to date, again and again, until cancelled."""
    frozen = ""

    async def keep() -> None:
        nonlocal frozen
        if (models := replica.models) is None:
            return
        await tool_orders(models)
        if models.world != frozen:
            frozen = models.world
            gc.freeze()  # they have no cycles: to search them for garbage would hold the loop

    await beside("orders", ORDERS_POLL_S, keep)
