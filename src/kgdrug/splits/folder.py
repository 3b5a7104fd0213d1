"""A split on disk: the files of a built graph, `parts.npy` and `split.json`.

`parts.npy` has bits of PARTS for each triple; `split.json` says how the split was made and its digest. A trained-model
folder holds the same files, so it is a split folder too.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph, load_graph_folder, save_graph
from kgdrug.graph.facts import PARTS
from kgdrug.graph.known import triple_keys
from kgdrug.graph.store import FOLDS_FILE, read_array, read_json, write_json
from kgdrug.splits.split import Split

SPLIT_FILE = "split.json"


def save_split(split: Split, folder: Path) -> None:
    """Write the graph and its parts into an existing folder."""
    save_graph(split.graph, folder)
    np.save(folder / "parts.npy", _bits(split), allow_pickle=False)
    write_json(folder / SPLIT_FILE, {"digest": split.digest, **split.made})


def save_folds(splits: Iterable[Split], folder: Path) -> None:
    """Write each fold into the folder of its number, in an existing folder, and `folds.json`, which lists them."""
    about: dict[str, Any] = {"digests": {}}
    for number, split in enumerate(splits):
        (folder / str(number)).mkdir()
        save_split(split, folder / str(number))
        settings = {key: value for key, value in split.made.items() if key not in ("fold", "counts")}
        about = {**settings, "digests": {**about["digests"], str(number): split.digest}}
    write_json(folder / FOLDS_FILE, about)


def load_split(folder: Path) -> Split:
    """Read what `save_split` wrote; what is not what its digest says is a BadInputError."""
    split = read_parts(folder, load_graph_folder(folder))
    if split.digest != read_json(folder / SPLIT_FILE).get("digest"):
        raise BadInputError(folder / SPLIT_FILE, "has the digest of another split: graph or parts were changed since")
    return split


def read_parts(folder: Path, graph: KnowledgeGraph) -> Split:
    """The split of a graph that the folder's `parts.npy` and `split.json` tell, whose digest is not looked at."""
    bits = read_array(folder / "parts.npy")
    if bits.shape != (len(graph.triples),) or bits.dtype != np.uint8:
        raise BadInputError(folder / "parts.npy", "does not say for each triple which part it is in")
    made = read_json(folder / SPLIT_FILE)
    if not isinstance(made.get("kind"), str) or not isinstance(made.pop("digest", None), str):
        raise BadInputError(folder / SPLIT_FILE, "does not say how the split was made: it needs kind and digest")
    return Split(graph, **{part: graph.triples[bits & bit > 0] for part, bit in PARTS.items()}, made=made)


def _bits(split: Split) -> np.ndarray:
    n, triples = len(split.graph.entities), split.graph.triples
    bits = np.zeros(len(triples), np.uint8)
    keys = triple_keys(triples, n)  # ascending, as the triples are
    for part, bit in PARTS.items():
        bits[np.searchsorted(keys, triple_keys(getattr(split, part), n))] |= bit
    return bits
