"""The past of a log as long as a test may make it; `make bench ARGS=past` asks a longer one."""

import pytest

from tests.long_log import KINDS, asking

SEED = 20_261
EVENTS, VOTES = 20_000, 4_000
ASKS = 100


@pytest.mark.parametrize("imported", [0.1, 1.0])
async def test_whatever_is_asked_of_the_past_is_what_a_recount_says(config, imported):
    async with asking(config, SEED, EVENTS, VOTES, imported) as past:
        for kind in KINDS:
            for _ in range(ASKS):
                await past.ask(kind, -0.01, 1.01)
