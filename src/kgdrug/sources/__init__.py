"""Files of the outside world to a `KnowledgeGraph`."""

from pathlib import Path

import numpy as np

from kgdrug.errors import BadInputError, UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph, load_graph_folder
from kgdrug.graph.known import Int, triple_keys
from kgdrug.graph.store import GRAPH_FILE
from kgdrug.sources.curated import is_curated, read_curated
from kgdrug.sources.downloads import DATASETS, Dataset, cache_folder, data_folder, get_dataset, places
from kgdrug.sources.hetionet import find_hetionet, read_hetionet
from kgdrug.sources.tables import read_triples, untyped_builder

SAMPLE = "essential"
PARTS = ("train", "valid", "test")
_ENDINGS = tuple(end + packed for end in (".tsv", ".txt") for packed in ("", ".gz", ".zst"))


def shipped(path: str) -> Path:
    """A file or folder that comes with kgdrug: inside the installed package, or in place in a checkout."""
    package = Path(__file__).parents[1]
    return next((p for p in (package / path, package.parents[1] / path) if p.exists()), package / path)


def load_graph(source: str | Path) -> KnowledgeGraph:
    """The graph of a source: `"essential"`, `"hetionet"`, a folder, or a file of triples.

    A folder is one that `kgdrug build` wrote, one in the form of `data/essential`, one with Hetionet's files, or
    one with `train`, `valid` and `test` files. A file has tab-separated `head relation tail` lines.
    """
    if str(source) == SAMPLE:
        return read_curated(shipped("data/essential"), SAMPLE)
    if str(source) in DATASETS:
        return _load_dataset(str(source))
    path = locate(source)
    if path.is_file():
        table, first_line = read_triples(path)
        builder = untyped_builder([table], path)
        return builder.graph(builder.triples(table, path, first_line), path.name.split(".")[0])
    if (path / GRAPH_FILE).is_file():
        return load_graph_folder(path)
    if is_curated(path):
        return read_curated(path, path.name)
    if files := find_hetionet(path):
        return read_hetionet(*files)
    if _find_part(path, "train"):
        return load_parts(path)[0]
    raise UsageError(f"{path} is no graph: it has neither {GRAPH_FILE}, entities.tsv and metaedges.tsv, nor train.tsv")


def load_parts(folder: str | Path) -> tuple[KnowledgeGraph, dict[str, Int]]:
    """The graph of all triples in a folder of `train`, `valid` and `test` files, and the triples of each part."""
    path = locate(folder)
    files = {part: _find_part(path, part) for part in PARTS}
    missing = [part for part, file in files.items() if file is None]
    if missing:
        raise BadInputError(
            path, f"has no {missing[0]} file; looked for {missing[0]}" + f", {missing[0]}".join(_ENDINGS)
        )
    read = {part: (file, *read_triples(file)) for part, file in files.items() if file}
    builder = untyped_builder([table for _, table, _ in read.values()], path)
    parts = {part: np.asarray(builder.triples(table, file, line)) for part, (file, table, line) in read.items()}
    return builder.graph(np.concatenate(list(parts.values())), path.name), parts


def read_part(graph: KnowledgeGraph, folder: str | Path, part: str) -> Int:
    """The triples in the `train`, `valid` or `test` file of a folder, as indices of a graph that is there already."""
    path = locate(folder)
    file = _find_part(path, part)
    if file is None:
        raise BadInputError(path, f"has no {part} file")
    table, first_line = read_triples(file)
    rows = []
    abbreviations = {e.abbreviation: i for i, e in enumerate(graph.metaedges)}
    for line, (head, relation, tail) in enumerate(table.iter_rows(), first_line):
        if head not in graph.entities or tail not in graph.entities or relation not in abbreviations:
            raise BadInputError(file, f"{head} {relation} {tail}: not of the graph {graph.name}", line)
        rows.append((graph.entities.index(head), abbreviations[relation], graph.entities.index(tail)))
    triples = np.array(rows, np.int64).reshape(-1, 3)
    absent = ~np.isin(triple_keys(triples, len(graph.entities)), triple_keys(graph.triples, len(graph.entities)))
    if absent.any():
        row = int(absent.argmax())
        raise BadInputError(file, f"{' '.join(table.row(row))}: not of the graph {graph.name}", first_line + row)
    return triples


def locate(source: str | Path) -> Path:
    """The path as given, or within `KGDRUG_DATA`; a UsageError where neither exists."""
    path, data = Path(source), data_folder()
    for candidate in [path] + ([data / path] if data and not path.is_absolute() else []):
        if candidate.exists():
            return candidate
    names = ", ".join([SAMPLE, *DATASETS])
    raise UsageError(f"no such graph: {str(source)!r} is neither a file or folder nor one of {names}")


def find_dataset(name: str) -> Path | None:
    """The folder that holds the data set of this name; None where it has to be downloaded."""
    if name == SAMPLE:
        return shipped("data/essential")
    if name not in DATASETS:
        raise UnknownNameError("data set", name, [SAMPLE, *DATASETS])
    return next((folder for folder in places(name) if find_hetionet(folder)), None)


def _load_dataset(name: str) -> KnowledgeGraph:
    folder = find_dataset(name)
    if folder and (files := find_hetionet(folder)):
        return read_hetionet(*files)
    looked = ", ".join(str(p) for p in places(name))
    raise UsageError(f"{name} is not on this machine (looked in {looked}); run: kgdrug data get {name}")


def _find_part(folder: Path, part: str) -> Path | None:
    return next((p for p in (folder / (part + end) for end in _ENDINGS) if p.is_file()), None)


__all__ = [
    "DATASETS",
    "SAMPLE",
    "Dataset",
    "cache_folder",
    "data_folder",
    "find_dataset",
    "get_dataset",
    "load_graph",
    "load_parts",
    "locate",
    "places",
    "read_part",
    "shipped",
]
