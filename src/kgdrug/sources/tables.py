"""Tab-separated files to arrays of indices, and the exact line where one of them is wrong."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, first_line
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, canonical_triples

UNTYPED = "Entity"  # the one type of a graph whose files name no types
TRIPLE = ("head", "relation", "tail")
_HEADERS = {("head", "relation", "tail"), ("head", "metaedge", "tail"), ("source", "metaedge", "target")}


def read_table(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> pl.DataFrame:
    """All lines of a file as strings, without a header; `.gz` and `.zst` are read as they are.

    A line with fewer or more fields, or with an empty one, is a BadInputError that names it. The caller drops a header.
    """
    try:
        table = pl.read_csv(
            path,
            separator="\t",
            has_header=False,
            quote_char=None,
            infer_schema=False,
            truncate_ragged_lines=False,
            raise_if_empty=False,
            glob=False,
        )
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        _find_bad_line(path, len(columns), 0)
        raise BadInputError(path, f"cannot be read: {first_line(error)}") from None
    if table.is_empty():
        raise BadInputError(path, "is empty")
    full = len(columns) + (len(optional) if table.width > len(columns) else 0)
    if table.width != full or sum(table.null_count().row(0)[: len(columns)]):
        _find_bad_line(path, full, full - len(columns))
        raise BadInputError(path, f"has {table.width} columns where {len(columns)} are expected: {', '.join(columns)}")
    table.columns = [*columns, *optional][:full]
    return table


def read_triples(path: Path) -> tuple[pl.DataFrame, int]:
    """Triples as ids, columns `head relation tail`, and the number of the file's first line that is one."""
    table = read_table(path, TRIPLE)
    header = tuple(str(field).strip().lower() for field in table.row(0)) in _HEADERS
    if header and len(table) == 1:
        raise BadInputError(path, "holds no triples, only a header")
    return (table.slice(1), 2) if header else (table, 1)


def _find_bad_line(path: Path, columns: int, optional: int) -> None:
    """Raise a BadInputError for the first line that has not this many fields, all filled."""
    with contextlib.suppress(pl.exceptions.PolarsError, OSError):
        lines = pl.read_csv(path, separator="\x01", has_header=False, quote_char=None, infer_schema=False, glob=False)
        for number, line in enumerate(lines.to_series(), 1):
            fields = [] if line is None else line.split("\t")
            if len(fields) != columns or not all(fields[: columns - optional]):
                came = f"{len(fields)} fields" if len(fields) != columns else "an empty field"
                raise BadInputError(path, f"{came} where {columns} tab-separated ones are expected: {line!r}", number)


class GraphBuilder:
    """Entities first, then triples file by file; each problem is reported with its file and line."""

    def __init__(self, nodes: pl.DataFrame, metaedges: Iterable[Metaedge], file: Path, first_line: int = 2) -> None:
        """nodes: columns `id name type`, in the order of the file they came from."""
        self.metaedges = tuple(sorted(metaedges, key=lambda e: e.abbreviation))
        nodes = nodes.with_row_index("line", first_line)
        twice = nodes.filter(pl.col("id").is_duplicated())
        if len(twice):
            same = twice.filter(pl.col("id") == twice["id"][0])
            first, second = same.row(0, named=True), same.row(1, named=True)
            raise BadInputError(file, f"the id {first['id']!r} stands in line {first['line']} already", second["line"])
        nodes = nodes.sort("type", "id")
        counts = nodes.group_by("type", maintain_order=True).len()
        stops = np.cumsum(counts["len"].to_numpy()).tolist()
        self.entity_types = tuple(
            EntityType(name, stop - count, stop) for (name, count), stop in zip(counts.iter_rows(), stops, strict=True)
        )
        for e in self.metaedges:
            missing = {e.head_type, e.tail_type} - {t.name for t in self.entity_types}
            if missing:
                raise BadInputError(file, f"no entity is of type {missing.pop()!r}, which the metaedge {e} needs")
        self.entities = Vocabulary(nodes["id"], nodes["name"])
        self._index = nodes.select("id", pl.int_range(pl.len(), dtype=pl.Int64).alias("index"))
        self._relation = {e.abbreviation: i for i, e in enumerate(self.metaedges)}
        self._empty = KnowledgeGraph(self.entities, self.entity_types, self.metaedges, np.empty((0, 3), np.int64))

    def triples(self, table: pl.DataFrame, file: Path, first_line: int = 1) -> np.ndarray:
        """Indices `(t, 3)` of triples given as ids, in the order of the file; an unfitting one is a BadInputError."""
        columns = {}
        for column in ("head", "tail"):
            joined = table.select(column).join(
                self._index, left_on=column, right_on="id", how="left", maintain_order="left"
            )["index"]
            if joined.null_count():
                row = int(joined.is_null().arg_max() or 0)
                close = self.entities.close_matches(table[column][row], 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise BadInputError(file, f"unknown entity {table[column][row]!r}{hint}", first_line + row)
            columns[column] = joined.to_numpy()
        relation = table["relation"].replace_strict(self._relation, default=None, return_dtype=pl.Int64)
        if relation.null_count():
            row = int(relation.is_null().arg_max() or 0)
            known = ", ".join(self._relation)
            message = f"unknown metaedge {table['relation'][row]!r}; known are {known}"
            raise BadInputError(file, message, first_line + row)
        triples = np.stack([columns["head"], relation.to_numpy(), columns["tail"]], 1)
        tails, heads = self._empty.relation_ranges
        for side, ends in ((0, heads), (2, tails)):
            ends = ends[triples[:, 1]]
            wrong = (triples[:, side] < ends[:, 0]) | (triples[:, side] >= ends[:, 1])
            if wrong.any():
                row = int(wrong.argmax())
                entity, metaedge = int(triples[row, side]), self.metaedges[triples[row, 1]]
                came = f"{self.entities.ids[entity]!r} is a {self._empty.type_of(entity).name}"
                raise BadInputError(file, f"{came}, which does not fit the metaedge {metaedge}", first_line + row)
        return triples

    def graph(self, triples: np.ndarray, name: str, treats: Sequence[str] = ()) -> KnowledgeGraph:
        """The graph of these triples; duplicates are dropped."""
        ordered = canonical_triples(triples, len(self.entities))
        return KnowledgeGraph(self.entities, self.entity_types, self.metaedges, ordered, tuple(treats), name)


def untyped_builder(tables: Sequence[pl.DataFrame], file: Path) -> GraphBuilder:
    """Entities and relations are whatever stands in the triples; there is one type."""
    ids = pl.concat([pl.concat([table["head"], table["tail"]]) for table in tables]).unique()
    relations = pl.concat([table["relation"] for table in tables]).unique()
    metaedges = (Metaedge(name, UNTYPED, name, UNTYPED) for name in relations)
    nodes = pl.DataFrame({"id": ids, "name": ids, "type": pl.repeat(UNTYPED, len(ids), eager=True)})
    return GraphBuilder(nodes, metaedges, file)
