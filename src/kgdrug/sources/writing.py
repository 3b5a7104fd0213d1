"""A graph as tables of text, and those as files."""

from pathlib import Path

import polars as pl

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.vocabulary import join_synonyms


def entity_table(graph: KnowledgeGraph) -> pl.DataFrame:
    """`id name type smiles` of each entity, in index order; an unknown structure is ""."""
    types = pl.concat([pl.repeat(t.name, len(t), dtype=pl.String, eager=True) for t in graph.entity_types])
    smiles = [graph.smiles.get(i, "") for i in range(len(graph.entities))]
    return pl.DataFrame({"id": graph.entities.ids, "name": graph.entities.names, "type": types, "smiles": smiles})


def synonym_texts(graph: KnowledgeGraph) -> pl.Series:
    """The synonyms of each entity as one text, see `join_synonyms`; "" where none are known."""
    synonyms = graph.entities.synonyms
    texts = [join_synonyms(synonyms.get(i, ())) for i in range(len(graph.entities))]
    return pl.Series("synonyms", texts, dtype=pl.String)


def fact_table(graph: KnowledgeGraph, *about: str) -> pl.DataFrame:
    """`head metaedge tail` of each triple, as ids and abbreviation, and what is asked `about` its metaedge.

    about: fields of Metaedge, such as `relation` or `licence`, each of which becomes a column.
    """
    ids = pl.Series(graph.entities.ids, dtype=pl.String)
    head, relation, tail = (pl.Series(column) for column in graph.triples.T)
    columns = {"head": ids.gather(head), "metaedge": of_metaedges(graph, "abbreviation").gather(relation)}
    columns |= {"tail": ids.gather(tail)}
    return pl.DataFrame(columns | {name: of_metaedges(graph, name).gather(relation) for name in about})


def of_metaedges(graph: KnowledgeGraph, name: str) -> pl.Series:
    """A field of Metaedge for each metaedge."""
    return pl.Series([getattr(e, name) for e in graph.metaedges], dtype=pl.String)


def plain_relations(graph: KnowledgeGraph) -> pl.Series:
    """One word for each metaedge, for forms that have room for no more and know the types of the ends.

    The relation where the abbreviation only adds the pair of types to it, else the abbreviation.
    """
    return pl.Series(
        [
            e.relation if e.abbreviation == f"{e.relation}:{e.head_type}-{e.tail_type}" else e.abbreviation
            for e in graph.metaedges
        ],
        dtype=pl.String,
    )


def write_table(table: pl.DataFrame, path: Path, *, header: bool, separator: str = "\t") -> None:
    """Write a table as text; a field that would break a tab-separated one is a BadInputError."""
    if separator == "\t":
        for column in table.select(pl.col(pl.String)):
            broken = column.filter(column.str.contains(r"[\t\n\r]"))
            if len(broken):
                raise BadInputError(path, f"cannot hold a tab or a line end: {broken[0]!r}")
        table.write_csv(path, include_header=header, separator=separator, quote_style="never", null_value="")
    else:
        table.write_csv(path, include_header=header, separator=separator, quote_style="necessary", null_value="")
