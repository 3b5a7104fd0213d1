"""Plain triples: tab-separated `head relation tail` lines. There are no types, so all entities are of one."""

from pathlib import Path

import polars as pl

from kgdrug.graph import KnowledgeGraph
from kgdrug.sources.builder import GraphBuilder, nodes_of
from kgdrug.sources.reading import Reading, read_table
from kgdrug.sources.writing import fact_table, write_table

UNTYPED = "Entity"  # the one type of a graph whose files name no types
HEADERS = (("head", "relation", "tail"), ("head", "metaedge", "tail"), ("source", "metaedge", "target"))
ENDINGS = tuple(end + packed for end in (".tsv", ".txt") for packed in ("", ".gz", ".zst"))


def read_lines(path: Path, reading: Reading) -> pl.DataFrame:
    """`head relation tail line`; a first line that is a usual header is passed over."""
    return read_table(path, reading, ("head", "relation", "tail"), header=False, known_headers=HEADERS)


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
