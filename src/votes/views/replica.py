"""The read models in the memory of an API process, kept fresh by one subscription.

Each message names the position it starts from. Where that is not ours, something was missed and
everything is loaded again; a lost connection empties the memory, and readers turn to the log.
"""

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from votes.app.models import Changes, Models
from votes.app.ports import Unavailable
from votes.domain.terms import Position
from votes.views import keys
from votes.views.read_models import (
    RedisReadModels,
    decode_message,
    heed_cancellation,
    translated,
)

SILENCE_S = 5.0
"""The projector announces something at least every second; longer silence is looked into."""
RETRY_S = 0.5
NOT_WHOLE_RETRY_S = 0.05

OnChange = Callable[[Models | None, Changes | None], None]


class Replica:
    """`models` is None while there is nothing that can be trusted.

    `on_change` gets the models after each change and what changed: None when all was loaded anew,
    or lost.
    """

    def __init__(self, redis: Redis, on_change: OnChange, log: Callable[[str], None]) -> None:
        self._redis = redis
        self._read_models = RedisReadModels(redis)
        self._on_change = on_change
        self._log = log
        self._left_at: tuple[str, Position] = "", 0
        self.models: Models | None = None

    async def run(self) -> None:
        """Follow the models until cancelled."""
        while True:
            try:
                async with translated(), self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(keys.CHANNEL)
                    await self._follow(pubsub)
            except Unavailable as error:
                self._lose(error)
            await asyncio.sleep(RETRY_S)

    def _lose(self, error: Unavailable) -> None:
        if self.models is not None:
            self._log(f"lost the read models, reading from the log: {error}")
            self._left_at = self.models.epoch, self.models.position
            self.models = None
            self._on_change(None, None)

    async def _follow(self, pubsub: PubSub) -> None:
        await self._load()
        while True:
            heed_cancellation()
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=SILENCE_S)
            if message is None:
                await self._redis.ping()
            elif not self._adopted(message["data"]):
                await self._load()

    def _adopted(self, data: bytes) -> bool:
        try:
            message = decode_message(data)
        except ValueError:  # written by another release
            return False
        models, changes = self.models, message.changes
        if models is None or changes is None or message.live.epoch != models.epoch:
            return False
        if changes.position <= models.position and changes.before < models.position:
            return True  # from before we loaded
        if changes.before != models.position:
            return False
        models.adopt(changes)
        self._on_change(models, changes)
        return True

    async def _load(self) -> None:
        """Load until the models are whole, and of the same log not older than what we show."""
        while True:
            models = await self._read_models.load()
            if models is not None and not self._older(models):
                self.models = models
                self._on_change(models, None)
                return
            await asyncio.sleep(NOT_WHOLE_RETRY_S)

    def _older(self, models: Models) -> bool:
        """Redis may have come back without its last writes: the projector will bring them."""
        shown = self.models
        epoch, position = (shown.epoch, shown.position) if shown else self._left_at
        return models.epoch == epoch and models.position < position
