"""The `votes` command, also as `python -m votes`."""

import gc
import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command. To search what is imported for garbage would take a sixth of a short one."""
    if find_spec("litestar") is None:  # the client alone
        sys.exit("votes: the server is not installed: pip install 'votes[server]'")
    gc.disable()
    from votes.cli import main as run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
