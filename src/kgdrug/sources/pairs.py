"""Tables of pairs of a compound and a disease, such as later indications, to indices of a graph."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int
from kgdrug.sources.reading import Reading, first_fields, read_table, separator_of

# what the column may be called; an id is preferred, since other tables have names in the plain column
COLUMNS = {
    "compound": ("compound_id", "drugbank_id", "compound"),
    "disease": ("disease_id", "doid_id", "disease"),
}


@dataclass(frozen=True, eq=False)
class PairTable:
    """The distinct pairs of a file that a graph knows: indices `(p,)` and `(p,)`.

    unknown: the others, as `compound disease` in the file's words; lines: how many pairs the file lists, repeats too.
    """

    compounds: Int
    diseases: Int
    unknown: tuple[str, ...]
    lines: int
    repeated: int


def read_pairs(
    path: Path, graph: KnowledgeGraph, compounds: range, diseases: range, may_be_empty: bool = False
) -> PairTable:
    """A table with a header that names `compound` and `disease`, tab-separated (or `.csv`), among other columns or not.

    Ids are as the graph writes them, or bare: `DB00331` finds `Compound::DB00331`. An id that the graph has, but not
    among compounds or diseases, is a BadInputError: the columns may be swapped.
    """
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    separator = separator_of(path)
    first = first_fields(path, separator)
    names = {side: next((name for name in known if name in first), side) for side, known in COLUMNS.items()}
    table = read_table(
        path, Reading(), tuple(names.values()), header=True, separator=separator, may_be_empty=may_be_empty
    )
    found = []
    for side, span in (("compound", compounds), ("disease", diseases)):
        ids = table[names[side]].str.strip_chars()
        index = _indices(graph, ids.unique().to_list(), span, side)
        numbers = ids.replace_strict(index, return_dtype=pl.Int64).to_numpy().astype(np.int64)
        elsewhere = np.flatnonzero((numbers >= 0) & ((numbers < span.start) | (numbers >= span.stop)))
        if len(elsewhere):
            row = int(elsewhere[0])
            kind, expected = graph.type_of(int(numbers[row])).name, graph.type_of(span.start).name
            message = f"the {side} {ids[row]!r} is of the type {kind}, not {expected}"
            raise BadInputError(path, f"{message}; the columns may be swapped", table["line"][row])
        found.append(numbers)
    there = (found[0] >= 0) & (found[1] >= 0)
    pairs = np.unique(np.stack([numbers[there] for numbers in found], 1).astype(np.int64), axis=0)
    texts = table.filter(~there).select(pl.concat_str(list(names.values()), separator=" ")).to_series()
    unknown = tuple(texts.unique(maintain_order=True).to_list())
    return PairTable(pairs[:, 0], pairs[:, 1], unknown, len(table), len(table) - len(pairs) - len(unknown))


def _indices(graph: KnowledgeGraph, ids: list[str], span: range, side: str) -> dict[str, int]:
    """The index of each id, -1 for one that the graph has not."""
    kinds = dict.fromkeys([graph.type_of(span.start).name, side.capitalize(), *(t.name for t in graph.entity_types)])
    found = {}
    for given in ids:
        spellings = (given, *(f"{kind}::{given}" for kind in kinds))
        known = next((text for text in spellings if text in graph.entities), None)
        found[given] = -1 if known is None else graph.entities.index(known)
    return found
