"""The command line: reads arguments, calls the library, prints. The only room that prints."""

# their commands come into the application with them
from kgdrug.cli import explaining, graphs, judge, models, pages, serving, splits, tables  # noqa: F401
from kgdrug.cli.app import app, main

__all__ = ["app", "main"]
