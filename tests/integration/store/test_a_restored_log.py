"""What is remembered of a log does not outlive a restore of it, which ends all its sessions."""

from tests.domain.names import ATLAS
from tests.engine.commands.sending import cast, listed, obeyed
from tests.polling import until
from votes.domain.terms import VoterId
from votes.domain.vote import stream
from votes.engine.heads import Heads
from votes.resources import event_store
from votes.store.connections import WRITES
from votes.wiring import batcher_on

ANN = stream(VoterId("ann"), ATLAS)
RESTORED = """
    ALTER TABLE events DISABLE TRIGGER USER;
    DELETE FROM events WHERE stream LIKE 'vote:%';
    ALTER TABLE events ENABLE TRIGGER USER;
"""
END = f"""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = '{WRITES.name}'
"""


async def test_a_vote_is_not_decided_on_what_was_before(config, owner):
    heads, sessions = Heads(), 0

    def connected():
        nonlocal sessions
        sessions += 1
        heads.clear()

    async with event_store(config, WRITES, connected) as here, event_store(config) as there:
        batcher = batcher_on(here, heads)
        await batcher.submit(listed())
        assert obeyed(await batcher.submit(cast("ann", "ship"))).position == 3
        assert heads.cached([ANN])
        await owner.execute(RESTORED)
        assert obeyed(await batcher_on(there).submit(cast("ann", "skip"))).position == 3
        await owner.execute(END)
        await until(lambda: _ended(here), "the end of the session")
        same = obeyed(await batcher.submit(cast("ann", "skip")))
        assert (same.before.choice, same.changed, same.position) == ("skip", False, 3)
        assert sessions == 2


def _ended(store):
    """Whether the process has heard that its session is over."""
    return store._pool.get_size() == 0
