"""`python -m votes`: the `votes` command."""

from votes.cli import main

main()
