"""Pipes as files: what can be read once alone, such as `/dev/stdin` or the shell's `<(…)`, is copied first."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kgdrug.errors import BadInputError, UsageError


@contextmanager
def reread(path: Path) -> Iterator[Path]:
    """A file that can be read again and again: the file itself, or in the block a copy of what a pipe holds.

    A BadInputError about the copy names the pipe. A folder, and what is not there, is a UsageError.
    """
    if path.is_file():
        yield path
        return
    if not path.exists():
        raise UsageError(f"no such file: {path}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder, and no file")
    with TemporaryDirectory(prefix="kgdrug-") as folder:
        copy = Path(folder) / path.name
        with path.open("rb") as pipe, copy.open("wb") as file:
            shutil.copyfileobj(pipe, file)
        try:
            yield copy
        except BadInputError as error:
            raise BadInputError(path if error.file == copy else error.file, error.message, error.line) from None
