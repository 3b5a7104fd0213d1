"""Files of annotations: kgdrug's own form, PharmacotherapyDB, and pairs in clinical trials.

An annotation is about a compound and a disease of a graph, given by id; `DB00331` and `DOID:9352` find
`Compound::DB00331` and `Disease::DOID:9352` too. Pairs of which the graph knows only one are left out and counted.
"""

from pathlib import Path
from typing import Any

import polars as pl

from kgdrug.errors import BadInputError, did_you_mean
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.annotations import COLUMNS, STATUSES, Annotation
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.lines import separator_of
from kgdrug.sources.listed import resolved
from kgdrug.sources.reading import first_fields, read_table

# PharmacotherapyDB 1.0 (Himmelstein et al. 2016, doi 10.15363/thinklab.d182)
_CATEGORIES = {"DM": "approved", "SYM": "symptomatic", "NOT": "refuted"}
_PHARMACOTHERAPYDB = ("drugbank_id", "doid_id", "category")
_DATE = r"^(\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?)?$"  # as exact as the source has it
_TRIALS = ("compound_id", "disease_id", "n_trials", "first_nct_id")


def read_annotations(path: Path, graph: KnowledgeGraph, reading: Reading) -> tuple[tuple[Annotation, ...], int]:
    """The annotations of a file that are about pairs of the graph, and how many others there were."""
    separator = separator_of(path)
    first = set(first_fields(path, separator))
    if first >= set(_PHARMACOTHERAPYDB):
        table = read_table(path, reading, _PHARMACOTHERAPYDB, header=True, separator=separator)
        table = table.rename({"drugbank_id": "compound", "doid_id": "disease", "category": "status"})
        wrong = ~table["status"].is_in(list(_CATEGORIES)).to_numpy()
        table = reading.drop(table, wrong, path, "unknown status", "category is {status!r}; known are DM, SYM, NOT")
        status = pl.col("status").replace(_CATEGORIES)
        about = {"source": pl.lit("PharmacotherapyDB"), "licence": pl.lit("CC0 1.0")}
        table = table.with_columns(status, date=pl.lit(""), **about)  # it does not say when a use was first known
    elif first >= set(_TRIALS):
        table = read_table(path, reading, _TRIALS, header=True, separator=separator)
        trials = pl.concat_str(
            pl.lit("ClinicalTrials.gov: "), "n_trials", pl.lit(" trials, first "), pl.col("first_nct_id")
        )
        table = table.select(
            pl.col("compound_id").alias("compound"),
            pl.col("disease_id").alias("disease"),
            pl.lit("trial").alias("status"),
            trials.str.replace(": 1 trials, first", ": 1 trial,", literal=True).alias("source"),
            pl.lit("CC0 1.0; terms of ClinicalTrials.gov").alias("licence"),
            pl.lit("").alias("date"),
            "line",
        )
    elif first >= {"compound", "disease", "status"}:
        table = read_table(path, reading, COLUMNS[:3], COLUMNS[3:], header=True, separator=separator)
    else:
        raise BadInputError(path, f"is no file of annotations: its first line should name {' '.join(COLUMNS)}", 1)
    table = _of_known_status(table, path, reading)
    table = reading.drop(
        table,
        ~table["date"].str.contains(_DATE).to_numpy(),
        path,
        "date",
        lambda row: f"the date {row['date']!r} is not written as 2014, 2014-05 or 2014-05-31",
    )
    # the other type comes last: it shows that the two ends were swapped
    known = [
        resolved(graph, table["compound"], ["Compound", "Disease"]),
        resolved(graph, table["disease"], ["Disease", "Compound"]),
    ]
    there = known[0].is_not_null() & known[1].is_not_null()
    found = table.with_columns(known[0].alias("compound"), known[1].alias("disease")).filter(there)
    fitting = _without_swapped(graph, found, path, reading)
    return annotate(graph, fitting, path, reading), len(table) - len(found)


def annotate(graph: KnowledgeGraph, table: pl.DataFrame, path: Path, reading: Reading) -> tuple[Annotation, ...]:
    """The annotations of a table with COLUMNS and exact ids; an unknown id or status is a bad line."""
    for side in ("compound", "disease"):
        unknown = ~table[side].is_in(list(graph.entities.ids)).to_numpy()
        table = reading.drop(table, unknown, path, "unknown entity", f"unknown {side} {{{side}!r}}")
    table = _of_known_status(table, path, reading)
    rows = table.select(COLUMNS).iter_rows()
    index = graph.entities.index
    return tuple(sorted({Annotation(index(compound), index(disease), *rest) for compound, disease, *rest in rows}))


def _of_known_status(table: pl.DataFrame, path: Path, reading: Reading) -> pl.DataFrame:
    wrong = ~table["status"].is_in(list(STATUSES)).to_numpy()

    def message(row: dict[str, Any]) -> str:
        hint = did_you_mean(row["status"], STATUSES)
        return f"unknown status {row['status']!r}{hint} (one of {', '.join(STATUSES)})"

    return reading.drop(table, wrong, path, "unknown status", message)


def annotation_table(graph: KnowledgeGraph) -> pl.DataFrame:
    """The graph's annotations with COLUMNS, entities as ids."""
    ids = graph.entities.ids
    rows = [(ids[a.compound], ids[a.disease], a.status, a.source, a.licence, a.date) for a in graph.annotations]
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def _without_swapped(graph: KnowledgeGraph, table: pl.DataFrame, path: Path, reading: Reading) -> pl.DataFrame:
    """The rows but those whose compound is of a type that is treated, or whose disease is of one that treats."""
    treating = {e.head_type for e in graph.metaedges if e.abbreviation in graph.treats} | {"Compound"}
    treated = {e.tail_type for e in graph.metaedges if e.abbreviation in graph.treats} | {"Disease"}
    index, types = graph.entities.index, {"compound": treated - treating, "disease": treating - treated}
    for side, others in types.items():
        kinds = {i: graph.type_of(index(i)).name for i in table[side].unique()}
        wrong = table[side].is_in([i for i, kind in kinds.items() if kind in others]).to_numpy()

        def message(row: dict[str, Any], side: str = side, kinds: dict[str, str] = kinds) -> str:
            return f"the {side} {row[side]!r} is a {kinds[row[side]]}; the columns compound and disease may be swapped"

        table = reading.drop(table, wrong, path, "misfit", message)
    return table
