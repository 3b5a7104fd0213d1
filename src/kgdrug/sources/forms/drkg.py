"""DRKG (gnn4dr/DRKG, 2020): `Type::id<TAB>SOURCE::code::HeadType:TailType<TAB>Type::id` lines without a header.

The metaedge keeps DRKG's whole relation name as its abbreviation; its code is the relation. Four relations of
`bioarx` have a single colon before the types.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder, nodes_of
from kgdrug.sources.forms.hetionet import METAEDGES
from kgdrug.sources.forms.triples import COLUMNS, REPEATED, without_header
from kgdrug.sources.packed import packed
from kgdrug.sources.reading import read_table, texts_of
from kgdrug.sources.writing import fact_table, write_table

RELATION = re.compile(r"(?P<source>.+?)::(?P<relation>.+?)::?(?P<head_type>[^:]+):(?P<tail_type>[^:]+)")
TREATS = ("DRUGBANK::treats::Compound:Disease", "GNBR::T::Compound:Disease", "Hetionet::CtD::Compound:Disease")
_NON_COMMERCIAL = "CC BY-NC 4.0"
LICENCES = {  # as DRKG's repository states them in its note on licences
    "DRUGBANK": _NON_COMMERCIAL,
    "GNBR": _NON_COMMERCIAL,
    "STRING": _NON_COMMERCIAL,
    "INTACT": "Apache 2.0",
    "Hetionet": "mixed, in part non-commercial",
    "DGIDB": "mixed",
    "bioarx": "non-commercial",
}


def parse_relation(name: str) -> Metaedge | None:
    """The metaedge that a relation name of DRKG says; None where it is no such name."""
    match = RELATION.fullmatch(name)
    if match is None:
        return None
    source = match["source"]
    return Metaedge(name, match["head_type"], match["relation"], match["tail_type"], LICENCES.get(source, ""), source)


def type_of(ids: pl.Series) -> pl.Series:
    """The types in front of `::`."""
    return ids.str.split_exact("::", 1).struct.field("field_0")


def find(folder: Path) -> Path | None:
    """The file of triples in a folder."""
    return packed(folder, ("drkg.tsv", "drkg/drkg.tsv"))


def is_drkg(first: Sequence[str]) -> bool:
    """Whether the fields of a first line are of this form."""
    return len(first) == 3 and "::" in first[0] and "::" in first[2] and parse_relation(first[1]) is not None


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    file = find(path) if path.is_dir() else path
    if file is None:
        raise BadInputError(path, "has no drkg.tsv")
    table = read_table(file, reading, COLUMNS, header=False, repeated=REPEATED)
    table = without_header(table, file, reading)
    nodes, lines = nodes_of([table], type_of), len(table)
    bad = nodes["id"].filter(~nodes["id"].str.contains("^[^:]+::."))
    if len(bad):
        for side in ("head", "tail"):
            message = f"{{{side}!r}} is no id of the form Type::id"
            table = reading.drop(
                table, table[side].cast(pl.String).is_in(bad.implode()).to_numpy(), file, "id without a type", message
            )
    names = texts_of(table["relation"]).unique()
    metaedges = {name: e for name in names.sort() if (e := parse_relation(name)) is not None}
    if len(metaedges) < len(names):
        unknown = ~table["relation"].cast(pl.String).is_in(list(metaedges)).to_numpy()
        message = "{relation!r} is no relation of the form SOURCE::code::HeadType:TailType"
        table = reading.drop(table, unknown, file, "unknown metaedge", message)
    if table.is_empty():
        raise BadInputError(file, reading.only_bad_lines(file))
    before = len(reading.bad_lines)
    builder = GraphBuilder(nodes if len(table) == lines else nodes_of([table], type_of), file, reading)
    builder.add(table, file, metaedges)
    misfits = [bad.line for bad in reading.bad_lines[before:]]
    if misfits:  # an entity that stands on bad lines alone is none
        table = table.filter(~pl.col("line").is_in(misfits))
        if table.is_empty():
            raise BadInputError(file, reading.only_bad_lines(file))
        builder = GraphBuilder(nodes_of([table], type_of), file, reading)
        builder.add(table, file, metaedges)
    name = "drkg" if file.name.startswith("drkg.") else file.name.split(".")[0]
    return builder.graph(name, TREATS)


def write(graph: KnowledgeGraph, path: Path) -> None:
    colon = next((t.name for t in graph.entity_types if ":" in t.name), None)
    if colon:
        raise UsageError(f"the form drkg has no room for a colon in an entity type: {colon!r}; try kgx or parquet")
    facts, names = fact_table(graph), {e.abbreviation: relation_name(e) for e in graph.metaedges}
    types = {i: t.name for t in graph.entity_types for i in graph.entities.ids[t.start : t.stop]}
    ids = {i: i if i.startswith(f"{name}::") else f"{name}::{i}" for i, name in types.items()}
    columns = [pl.col("head").replace(ids), pl.col("metaedge").replace(names), pl.col("tail").replace(ids)]
    write_table(facts.select(columns), path, header=False)


def relation_name(metaedge: Metaedge) -> str:
    """DRKG's name for a metaedge: its abbreviation where that is one already; Hetionet's own are named as DRKG does."""
    parsed = parse_relation(metaedge.abbreviation)
    ends = (metaedge.head_type, metaedge.tail_type)
    if parsed is not None and (parsed.head_type, parsed.tail_type) == ends:
        return metaedge.abbreviation
    known = METAEDGES.get(metaedge.abbreviation)
    source = "Hetionet" if metaedge == known else "kgdrug"
    return f"{source}::{metaedge.abbreviation}::{metaedge.head_type}:{metaedge.tail_type}"
