"""A hand-written graph, made to be read and corrected by people: the form of `data/essential`.

`entities.tsv` (`id name type`, and `synonyms` with `|` between them), `metaedges.tsv` (`abbreviation head_type relation
tail_type treats licence source`) and, for each metaedge, `edges/<abbreviation>.tsv` (`head tail`), where head and tail
are *names*, unique within a type. Beside them, where there are any: `smiles.tsv` (`compound smiles`) and
`annotations.tsv` (`compound disease status source licence date`), by name too; where types are called otherwise than
Compound and Disease, `type` of the one, and `compound_type` and `disease_type` of the other, say how.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl

from kgdrug.errors import BadInputError, UsageError, close_words
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.graph.annotations import COLUMNS
from kgdrug.graph.graph import ABOUT
from kgdrug.sources.annotations import annotate, annotation_table
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder, distinct_nodes, refuse_unknown_types
from kgdrug.sources.packed import packed, packed_or_plain
from kgdrug.sources.reading import read_table
from kgdrug.sources.writing import entity_table, fact_table, synonym_texts, write_table

METAEDGE_COLUMNS = ("abbreviation", "head_type", "relation", "tail_type", "treats")
SIDES = {"compound": "Compound", "disease": "Disease"}  # of structures and annotations, and their usual types


def is_curated(folder: Path) -> bool:
    """Whether the folder has this form."""
    return all(packed(folder, (name,)) is not None for name in ("metaedges.tsv", "entities.tsv"))


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    entity_file, metaedge_file = packed_or_plain(path, "entities.tsv"), packed_or_plain(path, "metaedges.tsv")
    nodes = read_table(entity_file, reading, ("id", "name", "type"), ("synonyms",), header=True)
    nodes = distinct_nodes(nodes, entity_file, reading)
    nodes = reading.drop(
        nodes,
        ~nodes.select(pl.struct("name", "type").is_first_distinct()).to_series().to_numpy(),
        entity_file,
        "name twice",
        "the {type} name {name!r} stands twice; names must be unique within a type",
    )
    structures = packed(path, ("smiles.tsv",))
    if structures is not None:
        nodes = nodes.join(_structures(structures, nodes, reading), on="id", how="left")
        nodes = nodes.with_columns(pl.col("smiles").fill_null(""))
    builder = GraphBuilder(nodes, entity_file, reading)
    metaedges, treats = _read_metaedges(metaedge_file)
    refuse_unknown_types(metaedges, builder, metaedge_file)
    for e in metaedges:
        file = packed_or_plain(path / "edges", f"{e.abbreviation}.tsv")
        pairs = read_table(file, reading, ("head", "tail"), header=True, may_be_empty=True)
        for side, type_name in (("head", e.head_type), ("tail", e.tail_type)):
            pairs = _by_id(pairs, side, pl.lit(type_name), nodes, file, reading)
        builder.add(pairs.with_columns(relation=pl.lit(e.abbreviation)), file, {e.abbreviation: e})
    graph = builder.graph(path.name, treats)
    annotated = packed(path, ("annotations.tsv",))
    if annotated is not None:
        optional = (*COLUMNS[3:], *(f"{side}_type" for side in SIDES))
        table = read_table(annotated, reading, COLUMNS[:3], optional, header=True, may_be_empty=True)
        for side, usual in SIDES.items():
            table = _by_id(table, side, _type_or(f"{side}_type", usual), nodes, annotated, reading)
        graph = replace(graph, annotations=annotate(graph, table, annotated, reading))
    return graph


def write(graph: KnowledgeGraph, path: Path) -> None:
    entities = entity_table(graph)
    shared = entities.filter(pl.struct("name", "type").is_duplicated())
    if len(shared):
        _, name, type_name, _ = shared.row(0)
        raise UsageError(f"the form curated goes by names, but two entities of type {type_name} are named {name!r}")
    columns = ["id", "name", "type"] + (["synonyms"] if graph.entities.synonyms else [])
    write_table(entities.with_columns(synonym_texts(graph)).select(columns), path / "entities.tsv", header=True)
    rows = [asdict(e) | {"treats": "yes" if e.abbreviation in graph.treats else "no"} for e in graph.metaedges]
    table = pl.DataFrame(rows, schema=dict.fromkeys((*METAEDGE_COLUMNS, *ABOUT), pl.String))
    table = table if any(table["version"]) else table.drop("version")
    write_table(table, path / "metaedges.tsv", header=True)
    names = dict(zip(entities["id"], entities["name"], strict=True))
    facts = fact_table(graph).with_columns(pl.col("head", "tail").replace(names))
    (path / "edges").mkdir()
    for e in graph.metaedges:
        if not _names_a_file(e.abbreviation):
            raise UsageError(f"the form curated names a file after each metaedge; {e.abbreviation!r} can name none")
        pairs = facts.filter(pl.col("metaedge") == e.abbreviation).select("head", "tail").sort("head", "tail")
        write_table(pairs, path / "edges" / f"{e.abbreviation}.tsv", header=True)
    smiles = entities.filter(pl.col("smiles") != "").select(pl.col("name").alias("compound"), "smiles", "type")
    if len(smiles):
        usual = (smiles["type"] == SIDES["compound"]).all()
        write_table((smiles.drop("type") if usual else smiles).sort("compound"), path / "smiles.tsv", header=True)
    if graph.annotations:
        types = dict(zip(entities["id"], entities["type"], strict=True))
        table = annotation_table(graph)
        table = table.with_columns(pl.col(side).replace(types).alias(f"{side}_type") for side in SIDES)
        usual = all((table[f"{side}_type"] == type_name).all() for side, type_name in SIDES.items())
        table = table.with_columns(pl.col(*SIDES).replace(names)).sort("compound", "disease")
        write_table(table.select(COLUMNS) if usual else table, path / "annotations.tsv", header=True)


def _structures(file: Path, nodes: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """`id smiles` of the entities whose structure is known; a second structure of one is a bad line."""
    table = read_table(file, reading, ("compound", "smiles"), ("type",), header=True, may_be_empty=True)
    table = _by_id(table, "compound", _type_or("type", SIDES["compound"]), nodes, file, reading)
    table = table.unique(["compound", "smiles"], keep="first", maintain_order=True)
    again = ~table["compound"].is_first_distinct().to_numpy()
    table = reading.drop(table, again, file, "structure twice", "another structure of {compound} stands above")
    return table.select(id="compound", smiles="smiles")


def _type_or(column: str, usual: str) -> pl.Expr:
    return pl.when(pl.col(column) == "").then(pl.lit(usual)).otherwise(column)


def _names_a_file(abbreviation: str) -> bool:
    return "/" not in abbreviation and "\0" not in abbreviation and len(abbreviation.encode()) < 250


def _read_metaedges(path: Path) -> tuple[list[Metaedge], list[str]]:
    """The metaedges and the abbreviations of those that mean treatment; any wrong line is an error."""
    strict = Reading()
    table = read_table(path, strict, METAEDGE_COLUMNS, ABOUT, header=True, may_be_empty=True)
    if table.is_empty():
        raise BadInputError(path, "names no metaedge")
    lines: dict[str, int] = {}
    metaedges, treats = [], []
    for row in table.iter_rows(named=True):
        line, answer = row.pop("line"), row.pop("treats")
        if answer not in ("yes", "no"):
            raise BadInputError(path, f"treats is {answer!r}; write yes or no", line)
        if not _names_a_file(row["abbreviation"]):
            raise BadInputError(path, f"no file in edges can be named after {row['abbreviation']!r}", line)
        metaedge = Metaedge(**row)
        if (first := lines.setdefault(metaedge.abbreviation, line)) != line:
            raise BadInputError(path, f"{metaedge.abbreviation} stands in line {first} already", line)
        metaedges.append(metaedge)
        treats += [metaedge.abbreviation] if answer == "yes" else []
    return metaedges, treats


def _by_id(
    table: pl.DataFrame, column: str, of_type: pl.Expr, nodes: pl.DataFrame, file: Path, reading: Reading
) -> pl.DataFrame:
    """The table with the names in a column made ids; a name that no entity of the type bears is a bad line."""
    known = nodes.select(pl.col("id").alias("_id"), pl.col("name").alias(column), pl.col("type").alias("_type"))
    table = table.with_columns(of_type.alias("_type")).join(
        known, on=["_type", column], how="left", maintain_order="left"
    )

    def message(row: Mapping[str, str]) -> str:
        names = known.filter(pl.col("_type") == row["_type"])[column]
        close = [] if reading.skip_bad_lines else close_words(row[column], names, 0.7)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"unknown {row['_type']} {row[column]!r}{hint}"

    table = reading.drop(table, table["_id"].is_null().to_numpy(), file, "unknown entity", message)
    return table.with_columns(pl.col("_id").alias(column)).drop("_id", "_type")
