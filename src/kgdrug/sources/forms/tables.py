"""A user's own tables, put together by a small TOML file.

name = "clinic"

[[nodes]]                 # any number of them
file = "drugs.csv"        # beside the TOML file; .csv, .tsv or .parquet, packed or not
type = "Compound"         # or type_column = "kind"
id = "drugbank_id"        # the column that holds the id
prefix = "DRUGBANK:"      # optional: put before each id
name = "drug_name"        # optional
smiles = "structure"      # optional
synonyms = "also"         # optional: other names, with | between them

[[edges]]
file = "indications.csv"
relation = "treats"       # or relation_column = "verb"
head = "drug"             # the column that holds the head's id
head_type = "Compound"    # optional where [[nodes]] have the id; needed where they have not
head_prefix = "DRUGBANK:"
tail = "disease"
tail_type = "Disease"
abbreviation = "CtD"      # optional; else the relation
treats = true             # optional; else where the relation is "treats" or "indication"
licence = "CC0 1.0"       # optional, like source and version
"""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from kgdrug.config import dataclass_from
from kgdrug.errors import BadInputError, UsageError, did_you_mean
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.graph import ABOUT
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.forms.parquet import read_parquet
from kgdrug.sources.lines import separator_of
from kgdrug.sources.reading import header_fields, read_table, read_utf8

_PLACE = ("file", "line", "record")  # where a row stands
_NODE = ("id", "name", "type", "smiles", "synonyms", *_PLACE)


@dataclass(frozen=True)
class NodeTable:
    """Where the nodes of a table stand; every field but `file`, `type` and `prefix` names a column."""

    file: str
    id: str
    type: str | None = None
    type_column: str | None = None
    prefix: str = ""
    name: str | None = None
    smiles: str | None = None
    synonyms: str | None = None


@dataclass(frozen=True)
class EdgeTable:
    """Where the facts of a table stand; `head`, `tail` and `relation_column` name columns."""

    file: str
    head: str
    tail: str
    relation: str | None = None
    relation_column: str | None = None
    head_type: str | None = None
    tail_type: str | None = None
    head_prefix: str = ""
    tail_prefix: str = ""
    abbreviation: str | None = None
    treats: bool | None = None
    licence: str = ""
    source: str = ""
    version: str = ""


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    name, node_tables, edge_tables = read_mapping(path)
    files = [path.parent / t.file for t in edge_tables]
    edges = [_edges(file, t, reading) for file, t in zip(files, edge_tables, strict=True)]
    nodes = [_nodes(path.parent / t.file, t, reading) for t in node_tables]
    given = pl.concat([table["id"] for table in nodes]).unique().to_list() if nodes else []
    for t, facts in zip(edge_tables, edges, strict=True):
        for side, type_name in (("head", t.head_type), ("tail", t.tail_type)):
            if type_name is not None:
                new = facts.filter(~pl.col(side).is_in(given)).select(pl.col(side).alias("id"), *_PLACE)
                blank = new.with_columns(
                    name=pl.lit(""), type=pl.lit(type_name), smiles=pl.lit(""), synonyms=pl.lit("")
                )
                nodes.append(blank.select(_NODE).unique("id", keep="first", maintain_order=True))
    if not nodes:
        raise UsageError(
            f"{path}: nothing says which types the entities are of; give [[nodes]], or head_type and tail_type"
        )
    builder = GraphBuilder(_joined(nodes), path, reading)
    for file, t, facts in zip(files, edge_tables, edges, strict=True):
        builder.add(_of_types(facts, t, builder, file, reading), file)
    graph = builder.graph(name or path.stem)
    treats = set(graph.treats)
    for t, part in zip(edge_tables, builder.parts, strict=True):
        there = {graph.metaedges[r].abbreviation for r in set(part[:, 1].tolist())}
        treats = treats | there if t.treats else treats - there if t.treats is False else treats
    return replace(graph, treats=tuple(sorted(treats)))


def read_mapping(path: Path) -> tuple[str | None, list[NodeTable], list[EdgeTable]]:
    """The name of the graph and its tables; what cannot be is a UsageError."""
    try:
        content = tomllib.loads(read_utf8(path))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from None
    unknown = next((key for key in content if key not in ("name", "nodes", "edges")), None)
    if unknown:
        raise UsageError(f"{path}: unknown key {unknown}{did_you_mean(unknown, ('name', 'nodes', 'edges'))}")
    sections: dict[str, list[Any]] = {}
    for key, cls in (("nodes", NodeTable), ("edges", EdgeTable)):
        rows = content.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UsageError(f"{path}: {key} is a list of tables, each written [[{key}]]")
        sections[key] = [dataclass_from(cls, row, f"{path}: {key} {i}") for i, row in enumerate(rows, 1)]
    if not sections["edges"]:
        raise UsageError(f"{path}: needs [[edges]], one for each table of facts")
    for t, one, other in [
        *((t, "type", "type_column") for t in sections["nodes"]),
        *((t, "relation", "relation_column") for t in sections["edges"]),
    ]:
        if bool(getattr(t, one)) == bool(getattr(t, other)):
            raise UsageError(f"{path}: {t.file} needs either {one} or {other}")
    unfit = next((t.file for t in sections["nodes"] + sections["edges"] if "\0" in t.file), None)
    if unfit is not None:
        raise UsageError(f"{path}: no file is named {unfit!r}")
    name = content.get("name")
    if name is not None and not isinstance(name, str):
        raise UsageError(f"{path}: name is {name!r}; expected text")
    return name, sections["nodes"], sections["edges"]


def _nodes(file: Path, t: NodeTable, reading: Reading) -> pl.DataFrame:
    needed = [t.id] + ([t.type_column] if t.type_column else [])
    table = _read(file, reading, needed, [c for c in (t.name, t.smiles, t.synonyms) if c])
    columns = {
        "id": pl.concat_str(pl.lit(t.prefix), _own(t.id)),
        "name": pl.col(_own(t.name)) if t.name else pl.lit(""),
        "type": pl.col(_own(t.type_column)) if t.type_column else pl.lit(t.type),
        "smiles": pl.col(_own(t.smiles)) if t.smiles else pl.lit(""),
        "synonyms": pl.col(_own(t.synonyms)) if t.synonyms else pl.lit(""),
    }
    return table.select(*(expression.alias(name) for name, expression in columns.items()), *_PLACE)


def _edges(file: Path, t: EdgeTable, reading: Reading) -> pl.DataFrame:
    table = _read(file, reading, [t.head, t.tail] + ([t.relation_column] if t.relation_column else []), [])
    relation = pl.col(_own(t.relation_column)) if t.relation_column else pl.lit(t.relation)
    return table.select(
        pl.concat_str(pl.lit(t.head_prefix), _own(t.head)).alias("head"),
        (pl.lit(t.abbreviation) if t.abbreviation else relation).alias("abbreviation"),
        relation.alias("relation"),
        pl.concat_str(pl.lit(t.tail_prefix), _own(t.tail)).alias("tail"),
        *(pl.lit(getattr(t, name)).alias(name) for name in ABOUT),
        *_PLACE,
    )


def _read(file: Path, reading: Reading, columns: list[str], optional: list[str]) -> pl.DataFrame:
    """The columns as text by `_own` names, all of which have to be there, and where each row stands."""
    columns, optional = list(dict.fromkeys(columns)), [name for name in optional if name not in columns]
    if file.suffix == ".parquet":
        called = {name: _own(name) for name in [*columns, *optional]}
        table = read_parquet(file, reading, columns, optional, all_there=True, called=called)
        return table.with_columns(pl.col("record").cast(pl.Int64), line=pl.lit(None, pl.Int64), file=pl.lit(str(file)))
    separator = separator_of(file)
    first = header_fields(file, separator)
    missing = next((name for name in [*columns, *optional] if name not in first), None)
    if missing:
        hint = did_you_mean(missing, first)
        raise BadInputError(file, f"has no column {missing}{hint} (it has {', '.join(first)})", 1)
    if "line" in columns or "line" in optional:
        table = _read_by_place(file, reading, first, columns, optional, separator)
    else:
        table = read_table(file, reading, columns, optional, header=True, separator=separator)
        table = table.rename({name: _own(name) for name in [*columns, *optional]})
    return table.with_columns(record=pl.lit(None, pl.Int64), file=pl.lit(str(file)))


def _own(column: str) -> str:
    """What a user's column is called here, so that it may have the name of one that says where a row stands."""
    return f"own {column}"


def _read_by_place(
    file: Path, reading: Reading, first: list[str], columns: list[str], optional: list[str], separator: str
) -> pl.DataFrame:
    """A table by `_own` names where the user has a column `line`, which is the number of the line elsewhere."""
    twice = next((name for name in [*columns, *optional] if first.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(file, f"the header names {twice} twice", 1)
    places = [f"own {i}" for i in range(len(first))]
    header = [[name.strip().lower() for name in first]]
    table = read_table(file, reading, (), places, header=False, separator=separator, known_headers=header)
    table = table.select(
        *(pl.col(places[first.index(name)]).alias(_own(name)) for name in [*columns, *optional]), pl.col("line")
    )
    for name in columns:
        missing = (table[_own(name)] == "").to_numpy()

        def message(_: dict[str, Any], name: str = name) -> str:
            return f"an empty field of {name}"

        table = reading.drop(table, missing, file, "empty field", message)
    return table


def _joined(nodes: list[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all tables; a name, structure or synonyms that one has and another lacks count for both."""
    together = pl.concat([table.select(_NODE) for table in nodes])
    known = ("name", "smiles", "synonyms")
    filled = (pl.col(c).filter(pl.col(c) != "").first().over("id").fill_null("") for c in known)
    return together.with_columns(
        pl.when(pl.col(c) == "").then(value).otherwise(c).alias(c) for c, value in zip(known, filled, strict=True)
    )


def _of_types(facts: pl.DataFrame, t: EdgeTable, builder: GraphBuilder, file: Path, reading: Reading) -> pl.DataFrame:
    """The facts whose ends are of the types that the table says."""
    for side, type_name in (("head", t.head_type), ("tail", t.tail_type)):
        if type_name is not None:
            of_type = [e.range for e in builder.entity_types if e.name == type_name]
            ids = [builder.entities.ids[i] for r in of_type for i in r]
            wrong = ~facts[side].is_in(ids).to_numpy()

            def message(row: dict[str, Any], side: str = side, type_name: str = type_name) -> str:
                return f"the {side} {row[side]!r} is no {type_name}"

            facts = reading.drop(facts, wrong, file, "misfit", message)
    return facts
