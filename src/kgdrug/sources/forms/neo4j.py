"""Neo4j's import files: `nodes.csv` and `relationships.csv`, for `neo4j-admin database import full`.

`id:ID,name,smiles,:LABEL` and `:START_ID,:END_ID,:TYPE,relation,licence,source,version`. Where a node has several
labels the first is its type; an id space in brackets, as in `:ID(Drug)`, and the type of a property, as in
`name:string`, are passed over.
"""

import re
from pathlib import Path

import polars as pl

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.graph import ABOUT
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.packed import packed, packed_or_plain
from kgdrug.sources.reading import header_fields, read_table
from kgdrug.sources.writing import entity_table, fact_table, write_table

NODES, RELATIONSHIPS = "nodes.csv", "relationships.csv"


def is_neo4j(folder: Path) -> bool:
    """Whether a folder has this form."""
    return all(packed(folder, (name,)) is not None for name in (NODES, RELATIONSHIPS))


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    node_file, edge_file = packed_or_plain(path, NODES), packed_or_plain(path, RELATIONSHIPS)
    nodes = _read(node_file, reading, {"id": ":ID", "type": ":LABEL"}, ("name", "smiles"))
    nodes = nodes.with_columns(pl.col("type").str.strip_chars_start(";").str.split(";").list.first())
    nodes = reading.drop(nodes, (nodes["type"] == "").to_numpy(), node_file, "empty field", "no label names a type")
    ends = {"head": ":START_ID", "tail": ":END_ID", "abbreviation": ":TYPE"}
    facts = _read(edge_file, reading, ends, ("relation", *ABOUT))
    relation = pl.when(pl.col("relation") == "").then("abbreviation").otherwise("relation")
    builder = GraphBuilder(nodes, node_file, reading)
    builder.add(facts.with_columns(relation.alias("relation")), edge_file)
    return builder.graph(path.name)


def write(graph: KnowledgeGraph, path: Path) -> None:
    entities = entity_table(graph).select(pl.col("id").alias("id:ID"), "name", "smiles", pl.col("type").alias(":LABEL"))
    write_table(entities, path / NODES, header=True, separator=",")
    facts = fact_table(graph, "relation", *ABOUT)
    names = {"head": ":START_ID", "tail": ":END_ID", "metaedge": ":TYPE"}
    ordered = facts.select("head", "tail", "metaedge", "relation", *ABOUT).rename(names)
    write_table(ordered, path / RELATIONSHIPS, header=True, separator=",")


def _read(path: Path, reading: Reading, ends: dict[str, str], optional: tuple[str, ...]) -> pl.DataFrame:
    """A table by the endings of its header's names; a property may have its type behind it, as in `name:string`."""
    first = header_fields(path, ",")
    names = {}
    for name, ending in ends.items():
        fitting = [field for field in first if re.sub(r"\(.*\)$", "", field).endswith(ending)]
        if len(fitting) != 1:
            raise BadInputError(path, f"the header needs one name that ends with {ending}; it is: {' '.join(first)}", 1)
        names[fitting[0]] = name
    properties = {}
    for name in optional:
        fitting = [field for field in first if field.partition(":")[0] == name and field not in names]
        properties[name if name in fitting or not fitting else fitting[0]] = name
    table = read_table(path, reading, tuple(names), tuple(properties), header=True, separator=",")
    return table.rename(names | properties)
