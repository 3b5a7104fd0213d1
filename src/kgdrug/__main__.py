"""`python -m kgdrug`, where the command `kgdrug` is not on the path."""

from kgdrug.cli import main

main()
