"""How long the tests go on that see more the longer they go on."""

import os


def length(short: int, long: int) -> int:
    """The second where `VOTES_TEST_LONG` is set, as by `make faults`."""
    return long if os.environ.get("VOTES_TEST_LONG") else short
