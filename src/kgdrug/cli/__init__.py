"""The command line: reads arguments, calls the library, prints. The only room that prints."""

from kgdrug.cli import graphs, judge, models, splits  # noqa: F401  (their commands come into the application with them)
from kgdrug.cli.app import app, main

__all__ = ["app", "main"]
