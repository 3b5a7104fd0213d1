"""Tables of pairs of a compound and a disease, such as later indications, to indices of a graph."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.lines import separator_of
from kgdrug.sources.listed import ids_meant
from kgdrug.sources.reading import first_fields, read_table

# what a column may be called, in any case; of several the one counts of which the graph knows most
COLUMNS = {
    "compound": ("compound_id", "drugbank_id", "drug_id", "compound", "drug", "head"),
    "disease": ("disease_id", "doid_id", "disease", "tail"),
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
    """A table of pairs, tab-separated (or `.csv`), whose header names `compound` and `disease`, among others or not.

    A file without a header holds compound and disease in its first two columns. An entity is given by its id, as the
    graph writes it or bare (`DB00331` finds `Compound::DB00331`), or by a name or a synonym that one compound, or
    disease, bears alone, in any case. An id that the graph has, but not among compounds or diseases, is a
    BadInputError: the columns may be swapped. Empty lines are passed over.
    """
    if not path.is_file():
        other = f"{path} is a folder or a pipe; give a file, which can be read again"
        raise UsageError(other if path.exists() else f"no such file: {path}")
    spans = {"compound": compounds, "disease": diseases}
    finders = {side: _Finder(graph, span, side) for side, span in spans.items()}
    table, columns = _read(path, finders, may_be_empty)
    found = []
    for side, span in spans.items():
        ids = table[columns[side]].str.strip_chars()
        index = {given: finders[side].index(given) for given in ids.unique().to_list()}
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
    words = [pl.col(column).str.strip_chars() for column in columns.values()]
    texts = table.filter(~there).select(pl.concat_str(words, separator=" ")).to_series()
    unknown = tuple(texts.unique(maintain_order=True).to_list())
    return PairTable(pairs[:, 0], pairs[:, 1], unknown, len(table), len(table) - len(pairs) - len(unknown))


def _read(path: Path, finders: Mapping[str, "_Finder"], may_be_empty: bool) -> tuple[pl.DataFrame, dict[str, str]]:
    """The rows of a file, and the column of each side."""
    separator, reading = separator_of(path), PastEmptyLines()
    first = first_fields(path, separator)
    plain = {name.strip().strip('"').casefold().replace(" ", "_"): name for name in reversed(first)}
    options = {side: [plain[name] for name in known if name in plain] for side, known in COLUMNS.items()}
    headless = not any(options.values()) and len(first) > 1
    headless = headless and all(f.index(text.strip()) >= 0 for f, text in zip(finders.values(), first, strict=False))
    if headless:
        names, rest = tuple(finders), [f"column_{i}" for i in range(3, len(first) + 1)]
        table = read_table(path, reading, names, rest, header=False, separator=separator)
        columns = {name: name for name in names}
    else:
        wanted = list(dict.fromkeys(name for side, names in options.items() for name in names or [side]))
        needed = [(options[side] or [side])[0] for side in COLUMNS]
        others = [name for name in wanted if name not in needed]
        table = read_table(path, reading, needed, others, header=True, separator=separator, may_be_empty=may_be_empty)
        columns = {}
        for (side, finder), own in zip(finders.items(), needed, strict=True):
            known = {
                name: sum(finder.index(text.strip()) >= 0 for text in table[name].unique().to_list())
                for name in options[side] or [own]
            }
            columns[side] = max(known, key=lambda name: known[name])
    return table, columns


class PastEmptyLines(Reading):
    """A reading that minds every bad line but an empty one."""

    def bad(self, file: Path, line: int | None, kind: str, message: str, text: str) -> None:
        if text.strip():
            super().bad(file, line, kind, message, text)


class _Finder:
    """What is typed for a compound, or a disease, to its index; -1 for what the graph has not."""

    def __init__(self, graph: KnowledgeGraph, span: range, side: str) -> None:
        self.graph, self.span = graph, span
        kinds = [graph.type_of(span.start).name, side.capitalize(), *(t.name for t in graph.entity_types)]
        self.kinds = list(dict.fromkeys(kinds))

    def index(self, given: str) -> int:
        known = ids_meant(self.graph, given, self.kinds)
        if known:
            return self.graph.entities.index(known[0])
        found = self.graph.entities.meant(given, [self.span])
        return found[0] if len(found) == 1 else -1
