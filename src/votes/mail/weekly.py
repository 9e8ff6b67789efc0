"""The weekly mail of now, and the one that is stored to be sent."""

from datetime import datetime

import msgspec

from votes.app.catalogue.past import Past
from votes.app.digest import Digest, digest, since_last, week_of
from votes.engine.ports import Unavailable
from votes.engine.reading.reader import Reader, ReadSource
from votes.engine.reading.replica import Replica
from votes.projections import PROJECTIONS
from votes.store.postgres import PostgresEventStore
from votes.store.subscriptions import Subscriptions
from votes.views.read_model_store import RedisReadModelStore


async def weekly_mail(
    store: PostgresEventStore, read_models: RedisReadModelStore, at: datetime
) -> Digest:
    """What the weekly mail says at this time, from the read models. Raises `Unavailable`."""
    models = await read_models.load()
    if models is None:
        raise Unavailable("Redis: there are no read models")
    last = await Subscriptions(store).last()
    past = Past(store, Reader(Replica(), store, PROJECTIONS), read_models)
    since = since_last(last.at if last is not None else None, at)
    return await digest(ReadSource(models, stale=False), past, store, since, at)


async def write_weekly_mail(
    store: PostgresEventStore, read_models: RedisReadModelStore, at: datetime
) -> int:
    """Write the mail of the week, unless it is written or nobody wants it; how many get it.

    A week without news has a mail that is sent to nobody. Raises `Unavailable`.
    """
    subscriptions = Subscriptions(store)
    last = await subscriptions.last()
    if last is not None and last.week >= week_of(at):
        return 0
    if not (await subscriptions.counts()).confirmed:
        return 0  # who confirms later in this week gets it
    mail = await weekly_mail(store, read_models, at)
    content = msgspec.json.encode(mail).decode() if mail.says_something else None
    return await subscriptions.write(mail.week, content)
