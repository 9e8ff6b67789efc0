"""What is made once in a run of the tests, whichever of its processes asks first."""

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def made_once(name: str, make: Callable[[Path], Path]) -> Path:
    """The path of what is made in a folder, while all others who ask wait. Leave it as it is."""
    run = Path(os.environ["VOTES_TEST_RUN"])
    done = run / name
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(Path(tempfile.mkdtemp(dir=run))).rename(done)
    return done
