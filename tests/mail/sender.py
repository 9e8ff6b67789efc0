"""Sends what is due until it is killed, again and again: `python -m tests.mail.sender CLAIM_S`.

Each life is a fork of a process that has loaded the program; it prints the life's process id.
"""

import os
import sys
from datetime import timedelta

import uvloop

from votes.config import load
from votes.resources import event_store
from votes.running import beside
from votes.store.connections import WORKER
from votes.wiring import send_mails

POLL_S = 0.05


async def send(claim: timedelta) -> None:
    config = load(os.environ)
    async with event_store(config, WORKER) as store:
        await beside("mail", POLL_S, lambda: send_mails(config, store, claim))


def main() -> None:
    claim = timedelta(seconds=float(sys.argv[1]))
    while True:
        if (life := os.fork()) == 0:
            uvloop.run(send(claim))
            return
        print(life, flush=True)
        os.waitpid(life, 0)


if __name__ == "__main__":
    main()
