"""PrimeKG (Chandak et al. 2023, doi 10.1038/s41597-023-01960-3): `kg.csv`, a fact a line, each in both directions.

An entity's id is `source:id`, such as `DrugBank:DB00331`. The two directions of a fact are one triple, so that the
one cannot give the other away: a drug comes first, otherwise the type that the file has first for that relation,
and between two entities of one type the direction that the file has first.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder, without_control
from kgdrug.sources.packed import packed
from kgdrug.sources.reading import read_table
from kgdrug.sources.writing import entity_table, fact_table, write_table

HEADER = ("relation", "display_relation", "x_index", "x_id", "x_type", "x_name", "x_source",
          "y_index", "y_id", "y_type", "y_name", "y_source")  # fmt: skip
_NEEDED = ("relation", "display_relation", "x_id", "x_type", "y_id", "y_type")


def find(folder: Path) -> Path | None:
    """The file of facts in a folder."""
    return packed(folder, ("kg.csv",))


def is_primekg(first: Sequence[str]) -> bool:
    """Whether the fields of a first line are of this form."""
    return set(_NEEDED) <= set(first)


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    file = find(path) if path.is_dir() else path
    if file is None:
        raise BadInputError(path, "has no kg.csv")
    optional = ("x_name", "x_source", "y_name", "y_source")
    rows = read_table(file, reading, _NEEDED, optional, header=True, separator=",")
    rows = rows.with_columns(_id("x"), _id("y"))
    rows = without_control(rows, ("x", "y", "x_type", "y_type"), file, reading)
    rows, nodes = _one_type_each(_coded(rows), file, reading)
    before, rows = len(rows), rows.unique(["relation", "display_relation", "x", "y"], keep="first", maintain_order=True)
    reading.duplicates += before - len(rows)
    facts = _one_direction(rows).with_columns(pl.col(pl.Enum).cast(pl.String))
    displays = facts.select("relation", "display_relation").unique().group_by("relation").len()
    several = displays.filter(pl.col("len") > 1)["relation"].to_list()  # one relation is displayed as four
    longer = pl.concat_str("relation", pl.lit(":"), "display_relation")
    facts = facts.with_columns(
        pl.when(pl.col("relation").is_in(several)).then(longer).otherwise("relation").alias("abbreviation"),
        pl.col("display_relation").alias("relation"),
    )
    builder = GraphBuilder(nodes, file, reading)
    builder.add(facts, file)
    name = file.name.split(".")[0]
    return builder.graph("primekg" if name == "kg" else name)


def _id(end: str) -> pl.Expr:
    prefixed = pl.concat_str(f"{end}_source", pl.lit(":"), f"{end}_id")
    return pl.when(pl.col(f"{end}_source") == "").then(f"{end}_id").otherwise(prefixed).alias(end)


def _coded(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns that are needed, with each text that repeats as a number behind it: 8 million lines fit memory so."""
    columns = [pl.col("relation", "display_relation", "x_name", "y_name", "line")]
    for pair in (("x", "y"), ("x_type", "y_type")):
        both = pl.Enum(pl.concat([rows[name] for name in pair]).unique())
        columns += [pl.col(name).cast(both) for name in pair]
    coded = rows.select(columns)
    same = {name: pl.Enum(coded[name].unique()) for name in ("relation", "display_relation")}
    return coded.with_columns(pl.col(name).cast(kind) for name, kind in same.items())


def _nodes(rows: pl.DataFrame) -> pl.DataFrame:
    """`id name type line` of the ends of rows, each id once for each type, with the name that stands first."""
    alike = ["id", "type"]
    ends = (rows.select("line", id=end, name=f"{end}_name", type=f"{end}_type") for end in ("x", "y"))
    firsts = pl.concat(table.unique(alike, keep="first", maintain_order=True) for table in ends)
    nodes = firsts.sort("line", maintain_order=True).unique(alike, keep="first", maintain_order=True)
    return nodes.with_columns(pl.col(pl.Enum).cast(pl.String))


def _one_type_each(rows: pl.DataFrame, file: Path, reading: Reading) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows without those that give an entity another type than the first row with it, and their nodes."""
    nodes = _nodes(rows)
    clashing = nodes.filter(pl.col("id").is_duplicated()).unique("id", keep="first", maintain_order=True)
    if clashing.is_empty():
        return rows, nodes
    rows = rows.with_columns(pl.col(pl.Enum).cast(pl.String))
    firsts = {row["id"]: row for row in clashing.iter_rows(named=True)}
    for end in ("x", "y"):

        def message(row: dict[str, Any], end: str = end) -> str:
            first = firsts[row[end]]
            said = f"a {row[f'{end}_type']} here and a {first['type']} in line {first['line']}"
            return f"the id {row[end]!r} is {said}"

        types = pl.col(end).replace_strict(clashing["id"], clashing["type"], default=pl.col(f"{end}_type"))
        wrong = rows.select(types != pl.col(f"{end}_type")).to_series().to_numpy()
        rows = reading.drop(rows, wrong, file, "id twice", message)
    rows = _coded(rows)
    return rows, _nodes(rows)


def _one_direction(rows: pl.DataFrame) -> pl.DataFrame:
    """`head head_type relation display_relation tail tail_type line`, each fact once."""
    same = ["relation", "display_relation"]
    types, both = pl.col("x_type", "y_type").to_physical(), pl.col("x", "y").to_physical()
    pair = pl.min_horizontal(types).alias("first_type"), pl.max_horizontal(types).alias("second_type")
    ends = pl.min_horizontal(both).alias("low"), pl.max_horizontal(both).alias("high")
    rows = rows.with_columns(*pair, *ends)
    # the type that leads a relation between two types
    drug_second = (pl.col("y_type") == "drug") & (pl.col("x_type") != "drug")
    lead = pl.when(drug_second).then("y_type").otherwise("x_type").first().alias("lead")
    leads = rows.group_by(*same, "first_type", "second_type", maintain_order=True).agg(lead)
    rows = rows.join(leads, on=[*same, "first_type", "second_type"], how="left", maintain_order="left")
    turned = pl.col("x_type") != pl.col("lead")

    def end(of_x: str, of_y: str) -> pl.Expr:
        return pl.when(turned).then(of_y).otherwise(of_x)

    mirrored = rows.unique([*same, "low", "high"], keep="first", maintain_order=True)
    return mirrored.select(
        end("x", "y").alias("head"),
        end("x_type", "y_type").alias("head_type"),
        *same,
        end("y", "x").alias("tail"),
        end("y_type", "x_type").alias("tail_type"),
        "line",
    )


def write(graph: KnowledgeGraph, path: Path) -> None:
    entities = entity_table(graph).with_row_index("index").with_columns(pl.col("index").cast(pl.String))
    parts = pl.col("id").str.extract_groups("(?s)^([^:]+):(.+)$").struct
    entities = entities.with_columns(
        parts.field("1").fill_null("").alias("source"), parts.field("2").fill_null(pl.col("id")).alias("number")
    )
    facts = fact_table(graph, "relation").select(
        pl.col("metaedge").replace(_relations(graph.metaedges)).alias("relation"),
        pl.col("relation").alias("display_relation"),
        "head",
        "tail",
    )
    forward = _with_ends(facts, entities, "head", "tail")
    write_table(pl.concat([forward, _with_ends(facts, entities, "tail", "head")]), path, header=True, separator=",")


def _relations(metaedges: Sequence[Metaedge]) -> dict[str, str]:
    """What stands as `relation` for each abbreviation: the part that several share which are displayed differently."""
    result = {e.abbreviation: e.abbreviation for e in metaedges}
    shared = {e.abbreviation: e.abbreviation.removesuffix(f":{e.relation}") for e in metaedges}
    sharing = Counter(shared.values())
    return {name: shared[name] if sharing[shared[name]] > 1 and shared[name] not in result else name for name in result}


def _with_ends(facts: pl.DataFrame, entities: pl.DataFrame, x: str, y: str) -> pl.DataFrame:
    """HEADER's columns, with one side of the facts as x and the other as y."""
    for end, side in (("x", x), ("y", y)):
        about = entities.select(
            pl.col("id").alias(side),
            pl.col("index").alias(f"{end}_index"),
            pl.col("number").alias(f"{end}_id"),
            *(pl.col(name).alias(f"{end}_{name}") for name in ("type", "name", "source")),
        )
        facts = facts.join(about, on=side, how="left", maintain_order="left")
    return facts.select(HEADER)
