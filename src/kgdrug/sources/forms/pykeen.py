"""The folder that PyKEEN's `TriplesFactory.to_path_binary` writes: three tables, and `base.pth`, which is not opened.

`numeric_triples.tsv.gz` has `head relation tail` as numbers, `entity_to_id.tsv.gz` and `relation_to_id.tsv.gz` have
`id label`. `base.pth` is a pickle, which can run code; nothing in it is needed here. PyKEEN knows no entity types,
and itself reads a label that pandas takes for a missing value, such as `NA`, as none.
"""

import gzip
from pathlib import Path

import polars as pl

from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.views import write_torch
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.forms.triples import UNTYPED
from kgdrug.sources.reading import read_table

TRIPLES, ENTITIES, RELATIONS = "numeric_triples.tsv.gz", "entity_to_id.tsv.gz", "relation_to_id.tsv.gz"


def is_pykeen(folder: Path) -> bool:
    """Whether a folder has this form."""
    return (folder / TRIPLES).is_file() and (folder / ENTITIES).is_file()


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    entities, relations = _labels(path / ENTITIES, reading), _labels(path / RELATIONS, reading)
    numbers = read_table(path / TRIPLES, reading, ("head", "relation", "tail"), header=True)
    names = {}
    for column, labels in (("head", entities), ("relation", relations), ("tail", entities)):
        known = names[column] = dict(zip(labels["id"], labels["label"], strict=True))
        unknown = ~numbers[column].is_in(list(known)).to_numpy()
        message = f"no label has the number {{{column}}}, the {column}"
        numbers = reading.drop(numbers, unknown, path / TRIPLES, "unknown id", message)
    facts = numbers.with_columns(
        pl.col(column).replace_strict(known, return_dtype=pl.String) for column, known in names.items()
    )
    nodes = entities.select(pl.col("label").alias("id"), name=pl.lit(""), type=pl.lit(UNTYPED), line="line")
    builder = GraphBuilder(nodes, path / ENTITIES, reading)
    builder.add(facts, path / TRIPLES)
    return builder.graph(path.name, treats=())


def _labels(file: Path, reading: Reading) -> pl.DataFrame:
    """`id label line` of a table of labels, each number and each label once."""
    table = read_table(file, reading, ("id", "label"), header=True, quoted=True)
    for column in ("id", "label"):
        again = ~table[column].is_first_distinct().to_numpy()
        table = reading.drop(table, again, file, "id twice", f"the {column} {{{column}!r}} stands above already")
    return table


def write(graph: KnowledgeGraph, path: Path) -> None:
    triples = pl.DataFrame(graph.triples, schema=["head", "relation", "tail"])
    _write(triples, path / TRIPLES)
    _write(_numbered(graph.entities.ids), path / ENTITIES)
    _write(_numbered([e.abbreviation for e in graph.metaedges]), path / RELATIONS)
    state = {
        "num_entities": len(graph.entities),
        "num_relations": graph.relations,
        "create_inverse_triples": False,
        "metadata": {"name": graph.name},
    }
    write_torch(state, path / "base.pth")


def _numbered(labels: list[str] | tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame({"label": labels}).with_row_index("id")


def _write(table: pl.DataFrame, path: Path) -> None:
    text = table.write_csv(separator="\t", quote_style="necessary")
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(text.encode())
