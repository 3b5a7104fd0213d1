"""One figure in one fresh process: runs a task and prints what it took as a line of JSON.

    python experiments/benchmarks/tasks.py TASK PATH [OUT]

Seconds are counted after the imports that the task needs; peak memory is that of the whole process. Peers run this same
file with the interpreter of their own environment, so nothing is imported here that a task does not need.
"""

import ast
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

result: dict[str, Any] = {}


@contextmanager
def timed() -> Iterator[None]:
    """Takes the time of the block."""
    started = time.perf_counter()
    yield
    result["seconds"] = time.perf_counter() - started


def build(path: str, out: str) -> None:
    """Files to a graph folder, as `kgdrug build` does."""
    from kgdrug import load_graph, save_graph

    with timed():
        graph = load_graph(path)
        Path(out).mkdir()
        save_graph(graph, Path(out))
    result["triples"] = len(graph.triples)


def open_built(path: str) -> None:
    """A built folder to a graph that answers look-ups."""
    from kgdrug import load_graph

    with timed():
        graph = load_graph(path)
    result["triples"] = len(graph.triples)


def read_kgdrug(path: str) -> None:
    """A file of triples to arrays of indices, types and metaedges, duplicates dropped, every line checked."""
    from kgdrug import load_graph
    from kgdrug.sources import FORMS  # noqa: F401  (polars is imported with it)

    with timed():
        graph = load_graph(path)
    result["triples"] = len(graph.triples)


def read_pykeen(path: str) -> None:
    """The same file to a PyKEEN TriplesFactory."""
    from pykeen.triples import TriplesFactory

    with timed():
        factory = TriplesFactory.from_path(path)
    result["triples"] = factory.num_triples


def read_pandas(path: str) -> None:
    """The same file to an array of indices with pandas and two dicts, duplicates kept."""
    import numpy as np
    import pandas as pd

    with timed():
        table = pd.read_csv(path, sep="\t", header=None, names=["head", "relation", "tail"], dtype=str, quoting=3)
        entities = {e: i for i, e in enumerate(pd.unique(pd.concat([table["head"], table["tail"]])))}
        relations = {r: i for i, r in enumerate(pd.unique(table["relation"]))}
        columns = [table["head"].map(entities), table["relation"].map(relations), table["tail"].map(entities)]
        triples = np.stack([column.to_numpy() for column in columns], 1)
    result["triples"] = len(triples)


def import_kgdrug() -> None:
    """`import kgdrug` in an interpreter of its own, less the start of a bare one."""
    result["seconds"] = _process(sys.executable, "-c", "import kgdrug") - _process(sys.executable, "-c", "")


def help_kgdrug() -> None:
    """`kgdrug --help`, the whole process."""
    result["seconds"] = _process(str(Path(sys.executable).with_name("kgdrug")), "--help")


def _process(*command: str) -> float:
    import subprocess

    subprocess.run(command, check=True, capture_output=True)  # files are in memory from here on
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def peak_mb() -> float:
    """The most memory that this process held, in MB; getrusage would count what it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


TASKS: dict[str, Callable[..., None]] = {
    "build": build,
    "open": open_built,
    "read-kgdrug": read_kgdrug,
    "read-pykeen": read_pykeen,
    "read-pandas": read_pandas,
    "import": import_kgdrug,
    "help": help_kgdrug,
}


def main(tasks: dict[str, Callable[..., None]]) -> None:
    """Run the task that the command line names, with its arguments and `name=value` settings, and print the result."""
    given = [argument for argument in sys.argv[2:] if "=" not in argument]
    chosen = dict(argument.split("=", 1) for argument in sys.argv[2:] if "=" in argument)
    tasks[sys.argv[1]](*map(_value, given), **{name: _value(text) for name, text in chosen.items()})
    result.setdefault("peak_mb", peak_mb())  # a task that measures another process has said it
    print(json.dumps(result))


def _value(text: str) -> Any:
    """A number, tuple or the like as Python writes it; what is none is text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


if __name__ == "__main__":
    main(TASKS)
