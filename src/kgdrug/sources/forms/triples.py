"""Plain triples: tab-separated `head relation tail` lines. There are no types, so all entities are of one."""

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from kgdrug.graph import KnowledgeGraph
from kgdrug.sources import packed
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder, nodes_of
from kgdrug.sources.reading import read_table
from kgdrug.sources.writing import fact_table, write_table

UNTYPED = "Entity"  # the one type of a graph whose files name no types
COLUMNS = ("head", "relation", "tail")
REPEATED = (("head", "tail"), ("relation",))
HEADERS = frozenset(
    itertools.product(
        ("head", "h", "subject", "source", "node_1", "entity_1"),
        ("relation", "r", "predicate", "metaedge", "edge", "relationship", "rel", "label"),
        ("tail", "t", "object", "target", "node_2", "entity_2"),
    )
)
ENDINGS = tuple(end + ending for end in (".tsv", ".txt") for ending in packed.ENDINGS)


def read_lines(path: Path, reading: Reading) -> pl.DataFrame:
    """`head relation tail line`; a first line that is a usual header is passed over."""
    return read_table(path, reading, COLUMNS, header=False, known_headers=HEADERS, repeated=REPEATED)


def without_header(
    table: pl.DataFrame,
    file: Path,
    reading: Reading,
    columns: Sequence[str] = ("head", "relation", "tail"),
    headers: Collection[tuple[str, ...]] = HEADERS,
) -> pl.DataFrame:
    """The table of a form that has no header: one that stands in the first line all the same is a bad line."""
    first = table.head(1).select("line", *columns).row(0) if len(table) else (0,)
    if first[0] != 1 or tuple(word.strip().lower() for word in first[1:]) not in headers:
        return table
    message = "the first line is a header; this form has none: delete it"
    return reading.drop(table, (table["line"] == 1).to_numpy(), file, "header", message)


def untyped_builder(tables: list[pl.DataFrame], file: Path, reading: Reading) -> GraphBuilder:
    """Entities are whatever stands in the triples."""
    return GraphBuilder(nodes_of(tables, lambda ids: pl.repeat(UNTYPED, len(ids), eager=True)), file, reading)


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    table = read_lines(path, reading)
    builder = untyped_builder([table], path, reading)
    builder.add(table, path)
    return builder.graph(path.name.split(".")[0], treats=())


def write(graph: KnowledgeGraph, path: Path) -> None:
    write_table(fact_table(graph), path, header=False)
