"""A hand-written graph, made to be read and corrected by people: the form of `data/essential`.

`entities.tsv` (`id name type`), `metaedges.tsv` (`abbreviation head_type relation tail_type treats licence source`)
and, for each metaedge, `edges/<abbreviation>.tsv` (`head tail`), where head and tail are *names*, unique within a type.
"""

from pathlib import Path

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.sources.tables import GraphBuilder, read_table

METAEDGE_COLUMNS = ("abbreviation", "head_type", "relation", "tail_type", "treats", "licence", "source")


def is_curated(folder: Path) -> bool:
    """Whether the folder has this form."""
    return (folder / "metaedges.tsv").is_file() and (folder / "entities.tsv").is_file()


def read_curated(folder: Path, name: str) -> KnowledgeGraph:
    """The graph in a folder of this form."""
    entity_file, metaedge_file = folder / "entities.tsv", folder / "metaedges.tsv"
    nodes = _with_header(entity_file, ("id", "name", "type"))
    twice = nodes.with_row_index("line", 2).filter(pl.struct("name", "type").is_duplicated())
    if len(twice):
        message = f"the {twice['type'][0]} name {twice['name'][0]!r} stands twice; names must be unique within a type"
        raise BadInputError(entity_file, message, twice["line"][0])
    rows = list(_with_header(metaedge_file, METAEDGE_COLUMNS).iter_rows(named=True))
    if not rows:
        raise BadInputError(metaedge_file, "names no metaedge")
    lines: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        if row["treats"] not in ("yes", "no"):
            raise BadInputError(metaedge_file, f"treats is {row['treats']!r}; write yes or no", line)
        if (first := lines.setdefault(row["abbreviation"], line)) != line:
            raise BadInputError(metaedge_file, f"{row['abbreviation']} stands in line {first} already", line)
    metaedges = [Metaedge(**{key: row[key] for key in METAEDGE_COLUMNS if key != "treats"}) for row in rows]
    builder = GraphBuilder(nodes, metaedges, entity_file)
    parts = [_read_edges(folder / "edges" / f"{e.abbreviation}.tsv", e, nodes, builder) for e in metaedges]
    return builder.graph(np.concatenate(parts), name, [row["abbreviation"] for row in rows if row["treats"] == "yes"])


def _read_edges(path: Path, metaedge: Metaedge, nodes: pl.DataFrame, builder: GraphBuilder) -> np.ndarray:
    pairs = _with_header(path, ("head", "tail"))
    for column, type_name in (("head", metaedge.head_type), ("tail", metaedge.tail_type)):
        of_type = nodes.filter(pl.col("type") == type_name)
        ids = pairs[column].replace_strict(of_type["name"], of_type["id"], default=None, return_dtype=pl.String)
        if ids.null_count():
            row = int(ids.is_null().arg_max() or 0)
            name = pairs[column][row]
            among = [t.range for t in builder.entity_types if t.name == type_name]
            close = builder.entities.close_matches(name, 1, among)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise BadInputError(path, f"unknown {type_name} {name!r}{hint}", row + 2)
        pairs = pairs.with_columns(ids.alias(column))
    table = pairs.select("head", pl.lit(metaedge.abbreviation).alias("relation"), "tail")
    return builder.triples(table, path, 2)


def _with_header(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    table = read_table(path, columns)
    if table.row(0) != columns:
        raise BadInputError(path, f"the first line should be the header {' '.join(columns)}", 1)
    return table.slice(1)
