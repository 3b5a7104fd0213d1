"""A graph as Parquet: `entities.parquet`, `triples.parquet`, `metaedges.parquet`, and `annotations.parquet` if any.

`entities` has `id name type smiles`, and `synonyms` with `|` between them where any are known; `triples` has `head
metaedge tail`, `metaedges` the fields of Metaedge and `treats`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from kgdrug.errors import BadInputError, did_you_mean, first_line
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.graph.annotations import COLUMNS
from kgdrug.graph.graph import ABOUT
from kgdrug.sources.annotations import annotate, annotation_table
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.writing import entity_table, fact_table, synonym_texts

_METAEDGE = ("abbreviation", "head_type", "relation", "tail_type")
_ENTITIES, _TRIPLES, _METAEDGES = "entities.parquet", "triples.parquet", "metaedges.parquet"
_ANNOTATIONS = "annotations.parquet"


def is_parquet(folder: Path) -> bool:
    """Whether a folder has this form."""
    return (folder / _TRIPLES).is_file()


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    metaedges, treats = _read_metaedges(path / _METAEDGES)
    entities = read_parquet(path / _ENTITIES, reading, ("id", "type"), ("name", "smiles", "synonyms"))
    builder = GraphBuilder(entities, path / _ENTITIES, reading)
    facts = read_parquet(path / _TRIPLES, reading, ("head", "metaedge", "tail")).rename({"metaedge": "relation"})
    builder.add(facts, path / _TRIPLES, metaedges)
    graph = builder.graph(path.name, treats)
    if (path / _ANNOTATIONS).is_file():
        table = read_parquet(path / _ANNOTATIONS, reading, COLUMNS[:3], COLUMNS[3:])
        graph = replace(graph, annotations=annotate(graph, table, path / _ANNOTATIONS, reading))
    return graph


def write(graph: KnowledgeGraph, path: Path) -> None:
    rows = [asdict(e) | {"treats": "yes" if e.abbreviation in graph.treats else "no"} for e in graph.metaedges]
    schema = dict.fromkeys([*_METAEDGE, *ABOUT, "treats"], pl.String)
    pl.DataFrame(rows, schema=schema).write_parquet(path / _METAEDGES)
    synonyms = [synonym_texts(graph)] if graph.entities.synonyms else []
    entity_table(graph).with_columns(synonyms).write_parquet(path / _ENTITIES)
    fact_table(graph).write_parquet(path / _TRIPLES)
    if graph.annotations:
        annotation_table(graph).write_parquet(path / _ANNOTATIONS)


def read_parquet(
    path: Path,
    reading: Reading,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    *,
    all_there: bool = False,
    called: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Columns of a Parquet file as text, and `record`, the number of each row from 1.

    A row without a value in one of `columns` is bad; a missing value of `optional` is "", and so is a missing column,
    unless all have to be there. called: other names for columns of the file, by which the table has them.
    """
    called = called or {}
    try:
        table = pl.read_parquet(path, glob=False)
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise BadInputError(path, f"cannot be read as Parquet: {first_line(error)}") from None
    needed = [*columns, *optional] if all_there else columns
    missing = next((name for name in needed if name not in table.columns), None)
    if missing:
        hint = did_you_mean(missing, table.columns)
        raise BadInputError(path, f"has no column {missing}{hint} (it has {', '.join(table.columns)})")
    wanted = [*columns, *(name for name in optional if name in table.columns)]
    try:
        table = table.select(pl.col(wanted).cast(pl.String).fill_null(""))
    except pl.exceptions.PolarsError:
        kinds = ", ".join(f"{name} ({table.schema[name]})" for name in wanted)
        raise BadInputError(path, f"has columns that hold no text: {kinds}") from None
    absent = [pl.lit("").alias(name) for name in optional if name not in table.columns]
    table = table.with_columns(absent).rename(dict(called)).with_row_index("record", 1)
    wanted = [called.get(name, name) for name in wanted]
    nul = table.select(pl.any_horizontal(pl.col(wanted).str.contains("\0", literal=True))).to_series()
    table = reading.drop(table, nul.to_numpy(), path, "NUL", "holds a NUL, which no text has")
    for name in columns:
        missing_here = (table[called.get(name, name)] == "").to_numpy()

        def message(_: Mapping[str, Any], name: str = name) -> str:
            return f"has no {name}"

        table = reading.drop(table, missing_here, path, "empty field", message)
    return table


def _read_metaedges(path: Path) -> tuple[dict[str, Metaedge], list[str]]:
    """The metaedges by abbreviation, and those that mean treatment; any wrong record is an error."""
    metaedges, treats = {}, []
    for row in read_parquet(path, Reading(), (*_METAEDGE, "treats"), ABOUT).iter_rows(named=True):
        record, answer = row.pop("record"), row.pop("treats")
        if answer not in ("yes", "no"):
            raise BadInputError(path, f"record {record}: treats is {answer!r}; it must be yes or no")
        e = Metaedge(**row)
        if e.abbreviation in metaedges:
            raise BadInputError(path, f"record {record}: {e.abbreviation} stands in another record already")
        metaedges[e.abbreviation] = e
        treats += [e.abbreviation] if answer == "yes" else []
    return metaedges, treats
