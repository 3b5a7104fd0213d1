"""OpenBioLink (Breit et al. 2020, doi 10.1093/bioinformatics/btaa274): `nodes.csv` and `edges.csv`, which hold tabs.

`nodes.csv` has `id type`, `edges.csv` has `id relation id quality source`, neither a header; in its archives they lie
in `graph_files/`. OpenBioLink lists the drugs of a disease (`DIS_DRUG`); here, as everywhere, the drug is the head.
"""

import itertools
from dataclasses import replace
from pathlib import Path

import polars as pl

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.forms.triples import without_header
from kgdrug.sources.packed import packed
from kgdrug.sources.reading import first_fields, read_table
from kgdrug.sources.writing import entity_table, fact_table, plain_relations, write_table

TREATS = "DIS_DRUG"
NODE_HEADERS = frozenset(itertools.product(("id", "node", "node_id", "entity"), ("type", "category", "kind", "label")))


def find(folder: Path) -> tuple[Path, Path] | None:
    """The file of nodes and of edges in a folder."""
    for place in (folder, folder / "graph_files", folder / "HQ_DIR" / "graph_files"):
        nodes, edges = packed(place, ("nodes.csv",)), packed(place, ("edges.csv",))
        if nodes is not None and edges is not None:
            return nodes, edges
    return None


def is_openbiolink(folder: Path) -> bool:
    """Whether a folder has this form: its tables, by name of commas, hold tabs."""
    files = find(folder)
    return files is not None and any(len(first_fields(file, "\t")) > 1 for file in files)


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    files = find(path)
    if files is None:
        raise BadInputError(path, "has no nodes.csv and edges.csv of OpenBioLink")
    node_file, edge_file = files
    nodes = read_table(node_file, reading, ("id", "type"), header=False).with_columns(name=pl.lit(""))
    nodes = without_header(nodes, node_file, reading, ("id", "type"), NODE_HEADERS)
    edges = read_table(edge_file, reading, ("head", "relation", "tail"), ("quality", "source"), header=False)
    edges = without_header(edges, edge_file, reading)
    builder = GraphBuilder(nodes, node_file, reading)
    builder.add(_turned(edges), edge_file)
    graph = builder.graph("openbiolink", ())
    return replace(graph, treats=tuple(e.abbreviation for e in graph.metaedges if e.relation == TREATS))


def write(graph: KnowledgeGraph, path: Path) -> None:
    write_table(entity_table(graph).select("id", "type"), path / "nodes.csv", header=False)
    names = dict(zip((e.abbreviation for e in graph.metaedges), plain_relations(graph), strict=True))
    facts = fact_table(graph, "source").with_columns(pl.col("metaedge").replace(names).alias("relation"))
    facts = _turned(facts).select("head", "relation", "tail", pl.lit("").alias("quality"), "source")
    write_table(facts, path / "edges.csv", header=False)


def _turned(facts: pl.DataFrame) -> pl.DataFrame:
    """The facts with head and tail of the treatments exchanged."""
    which = pl.col("relation") == TREATS
    head, tail = pl.when(which).then("tail").otherwise("head"), pl.when(which).then("head").otherwise("tail")
    return facts.with_columns(head.alias("head"), tail.alias("tail"))
