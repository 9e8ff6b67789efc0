"""The `votes` command, also as `python -m votes`."""

import gc


def main() -> None:
    """Run the command. To search what is imported for garbage would take a sixth of a short one."""
    gc.disable()
    from votes.cli import main as run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
