"""Where the read models of this release are kept in Redis, for tests that look there."""

from votes.config import REDIS_PREFIX_DEFAULT
from votes.engine.projection import partition_of
from votes.projections import PROJECTIONS
from votes.views.keys import Keys, Namespace

KEYS = Keys(REDIS_PREFIX_DEFAULT, PROJECTIONS.signature)
"""Those of a site that runs with no settings."""
HASHES = tuple(model.name for model in PROJECTIONS.all)


def keys_of(space: Namespace) -> Keys:
    return Keys(space.prefix, PROJECTIONS.signature)


def place(keys: Keys, generation: int, key: str, model: str) -> str:
    """Where the value of a key of a model is kept, or its partition's checkpoint."""
    return keys.values(generation, partition_of(key), model)


def of_partition(keys: Keys, generation: int, number: int) -> list[str]:
    """The keys of a partition, as the script that changes it wants them."""
    hashes = [keys.values(generation, number, name) for name in HASHES]
    return [keys.checkpoint(generation, number), *hashes]
