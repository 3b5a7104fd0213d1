"""The files that DGL-KE writes, and that come with DRKG: arrays of vectors, names with numbers, a configuration.

`<dataset>_<model>_entity.npy` `(n, d)` and `<dataset>_<model>_relation.npy` `(m, w)`; for each a file of names and
numbers (`entities.tsv`, `relations.tsv`: DRKG has the name first, `dglke_train` the number); and, from `dglke_train`,
`config.json`. Read before: awslabs/dgl-ke, `dataloader/KGDataset.py` and what its documentation says of the output.
"""

import math
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgdrug.errors import BadInputError, UsageError, first_line
from kgdrug.graph.known import Int
from kgdrug.graph.store import read_json
from kgdrug.sources import Reading
from kgdrug.sources.reading import read_table

if TYPE_CHECKING:
    import polars as pl

CONFIG = "config.json"
ENTITY_NAMES = (("emap_file", "emp_file", "entmap_file"), ("entities.tsv", "entities.dict"))
RELATION_NAMES = (("rmap_file", "relmap_file"), ("relations.tsv", "relations.dict"))
MODELS = ("TransE_l2", "TransE_l1", "TransE", "TransR", "RESCAL", "DistMult", "ComplEx", "RotatE", "SimplE", "ConvE")
_STEM = re.compile(rf"(?:(?P<dataset>.*)_)??(?P<model>{'|'.join(MODELS)})")
_BLOCK = 8192  # rows copied and checked at once


@dataclass(frozen=True)
class Files:
    """What a folder holds. said: the content of its `config.json`, empty without one."""

    folder: Path
    dataset: str
    model: str
    entity: Path
    relation: Path
    said: Mapping[str, Any]

    @property
    def gamma(self) -> float | None:
        """The constant of the model's scores, where `config.json` gives it."""
        gamma = self.said.get("gamma")
        if isinstance(gamma, bool) or not isinstance(gamma, int | float):
            return None
        return float(gamma) if 0 <= gamma < math.inf else None


@dataclass(frozen=True)
class Names:
    """Names in the order of their numbers, and the line of each."""

    file: Path
    names: "pl.Series"
    lines: "pl.Series"

    def __len__(self) -> int:
        return len(self.names)


def find_files(folder: Path, importable: Sequence[str]) -> Files:
    """The vectors of a folder and the model that they are of, which has to be one of those that can be imported."""
    if not folder.is_dir():
        raise UsageError(f"no such folder: {folder}")
    said = read_json(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    found = sorted(p for p in folder.glob("*entity.npy") if p.name == "entity.npy" or p.name.endswith("_entity.npy"))
    if not found:
        raise BadInputError(folder, "has no vectors of DGL-KE: there is no <dataset>_<model>_entity.npy in it")
    if len(found) > 1:
        names = ", ".join(p.name for p in found)
        raise BadInputError(folder, f"holds the vectors of several models ({names}); give each a folder of its own")
    entity, options = found[0], ", ".join(importable)
    stem = entity.name.removesuffix("entity.npy").removesuffix("_")
    match = _STEM.fullmatch(stem)
    dataset, model = (match["dataset"] or "", match["model"]) if match else (stem, "")
    configured = str(said.get("model") or said.get("model_name") or "")
    if model and configured and model != configured:
        message = f"says that the model is {configured}, and {entity.name} that it is {model}"
        raise BadInputError(folder / CONFIG, message)
    model = model or configured
    if not model:
        message = f"does not say which model it is of; name it <dataset>_<model>_entity.npy, the model one of {options}"
        raise BadInputError(entity, message)
    if model not in importable:
        raise BadInputError(entity, f"is of the model {model}, which cannot be imported; those that can: {options}")
    relation = entity.with_name(entity.name.removesuffix("entity.npy") + "relation.npy")
    return Files(folder, dataset, model, entity, relation, said)


def read_names(files: Files, keys: Sequence[str], usual: Sequence[str]) -> Names:
    """The names in the file that `config.json` names by one of these keys, or in one of a usual name."""
    configured = [Path(str(files.said[key])).name for key in keys if files.said.get(key)]
    places = [files.folder / name for name in (*configured, *usual)]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        message = "is missing, and numbers the rows; dglke_train writes it beside the triples: copy it from there"
        raise BadInputError(places[0], message)
    return read_numbered(file)


def read_numbered(file: Path) -> Names:
    """The names in a file of names and numbers: the numbers are the column that counts from 0, one for each line."""
    table = read_table(file, Reading(), ("first", "second"), header=False)
    columns, lines = [table["first"].to_list(), table["second"].to_list()], table["line"].to_list()
    in_order = [str(i) for i in range(len(lines))]
    due = set(in_order)
    counting = [c for c in (0, 1) if due == set(columns[c])]
    if len(counting) == 2 and columns[0] != columns[1]:  # the names are numbers too
        counting = [c for c in counting if columns[c] == in_order]
        if not counting:
            raise BadInputError(
                file, f"both columns count 0 to {len(lines) - 1}, neither in order: which has the names?"
            )
    if not counting:
        raise _miscount(file, columns, lines, in_order)
    number = counting[0]
    line_of: dict[str, int] = {}
    for line, name in zip(lines, columns[1 - number], strict=True):
        if line_of.setdefault(name, line) != line:
            raise BadInputError(file, f"the name {name!r} stands in line {line_of[name]} already", line)
    table = table[np.argsort(np.array(columns[number], np.int64))]
    return Names(file, table["second" if number == 0 else "first"], table["line"])


def open_vectors(path: Path, names: Names) -> NDArray[np.floating[Any]]:
    """The array in a file, a row for each name, mapped into memory; nothing is unpickled."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:  # of a damaged header too
        raise BadInputError(path, f"cannot be read as an array of numbers: {first_line(error)}") from None
    if array.ndim != 2 or array.dtype.kind != "f":
        raise BadInputError(
            path, f"holds {array.dtype} {array.shape}; vectors are floating-point numbers (rows, width)"
        )
    if len(array) != len(names):
        raise BadInputError(path, f"has {len(array):,} rows where {names.file.name} has {len(names):,} lines")
    return array


def read_rows(path: Path, array: NDArray[np.floating[Any]], order: Int, names: Names) -> Tensor:
    """The rows of an array in this order, as float32, all numbers finite."""
    table = np.empty(array.shape, np.float32)
    for start in range(0, len(order), _BLOCK):
        part = table[start : start + _BLOCK]
        with np.errstate(over="ignore"):  # what is too large for float32 is found below
            part[:] = array[order[start : start + _BLOCK]]
        finite = np.isfinite(part).all(1)
        if not finite.all():
            row = int(order[start + int(finite.argmin())])
            problem = (
                "holds NaN, infinity or a number beyond float32, and ranks nothing; get the file again or train again"
            )
            raise BadInputError(path, f"row {row}, of {names.names[row]}, {problem}")
    return torch.from_numpy(table)


def _miscount(file: Path, columns: Sequence[list[str]], lines: Sequence[int], in_order: Sequence[str]) -> BadInputError:
    """The first line whose number is none of those that are due, or stands there already."""
    due = set(in_order)
    numbers = max(columns, key=lambda column: sum(text.isdecimal() for text in column))
    missing = next(text for text in in_order if text not in set(numbers))
    line_of: dict[str, int] = {}
    for line, text in zip(lines, numbers, strict=True):
        if text not in due:
            counts = f"{len(lines)} lines of a name and a number count 0 to {len(lines) - 1}"
            return BadInputError(file, f"{text!r} where the number should be: {counts}, and {missing} is missing", line)
        if line_of.setdefault(text, line) != line:
            message = f"the number {text} stands in line {line_of[text]} already, and {missing} is missing"
            return BadInputError(file, message, line)
    raise AssertionError("such a column counts")
