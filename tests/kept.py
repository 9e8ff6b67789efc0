"""Where the read models of this release are kept in Redis, for tests that look there."""

from votes.engine.read_model import partition_of
from votes.projections import PROJECTIONS
from votes.views.keys import Keys

KEYS = Keys(PROJECTIONS.signature)
HASHES = tuple(model.name for model in PROJECTIONS.models)


def place(generation: int, key: str, model: str) -> str:
    """Where the value of a key of a model is kept, or its partition's checkpoint."""
    return KEYS.values(generation, partition_of(key), model)


def of_partition(generation: int, number: int) -> list[str]:
    """The keys of a partition, as the script that changes it wants them."""
    hashes = [KEYS.values(generation, number, name) for name in HASHES]
    return [KEYS.checkpoint(generation, number), *hashes]
