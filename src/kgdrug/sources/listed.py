"""Tables that a user writes about a graph's entities and pairs: groups, and dates of first evidence.

An entity is given by its id, or by the bare part of it: `DB00331` finds `Compound::DB00331`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.lines import separator_of
from kgdrug.sources.reading import first_fields, read_table

EVIDENCE = ("approved", "symptomatic", "trial")  # statuses of annotations whose date says when a use was first known
DATED = (("compound", "disease", "date"), ("compound_id", "disease_id", "first_nct_id"))  # columns of tables of dates
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?|NCT\d{8}")


@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each entity, -1 for none; `(n,)`. names: of the groups; others: lines about unknown entities."""

    group: Int
    names: tuple[str, ...]
    others: int


@dataclass(frozen=True, eq=False)
class Dates:
    """The first date of pairs of entities, lower index first; others: lines about unknown entities."""

    first: Mapping[tuple[int, int], str]
    others: int = 0


def read_groups(path: Path, graph: KnowledgeGraph) -> Groups:
    """A table `entity group`, tab-separated (or `.csv`) with a header; an entity in two groups is a BadInputError."""
    table = read_table(path, Reading(), ("entity", "group"), header=True, separator=separator_of(path))
    found = table.with_columns(_listed_ids(graph, table, "entity", path).alias("id"))
    there = found.filter(pl.col("id").is_not_null())
    if there.is_empty():
        raise BadInputError(path, f"names no entity of {graph.name}; the first is {table['entity'][0]!r}", 2)
    names = tuple(sorted(there["group"].unique()))
    number, of = {name: i for i, name in enumerate(names)}, np.full(len(graph.entities), -1, np.int64)
    for entity, group, line in there.select("id", "group", "line").iter_rows():
        i = graph.entities.index(entity)
        if of[i] not in (-1, number[group]):
            raise BadInputError(path, f"{entity} is in the group {names[of[i]]!r} already, and here in {group!r}", line)
        of[i] = number[group]
    return Groups(of, names, len(table) - len(there))


def read_dates(path: Path, graph: KnowledgeGraph) -> Dates:
    """The first date of each pair in a table `compound disease date`, tab-separated (or `.csv`) with a header.

    The columns may be called `compound_id disease_id first_nct_id` too. Lines about entities that the graph lacks are
    passed over. Dates are of the form that `check_date` takes, all with days, or all trial numbers.
    """
    separator, own = separator_of(path), DATED[0]
    columns = next((c for c in DATED if set(c) <= set(first_fields(path, separator))), own)
    table = read_table(path, Reading(), columns, header=True, separator=separator)
    table = table.rename(dict(zip(columns, own, strict=True)))
    table = table.with_columns(_listed_ids(graph, table, side, path).alias(side) for side in own[:2])
    found = table.drop_nulls(own[:2])
    if found.is_empty():
        raise BadInputError(path, f"is about no pair of {graph.name}")
    wrong = ~found["date"].str.contains(f"^({_DATE.pattern})$").to_numpy()

    def message(row: dict[str, Any]) -> str:
        return f"the date {row['date']!r} is not written as 2014, 2014-05, 2014-05-31, or as a trial, NCT01000000"

    Reading().drop(found, wrong, path, "date", message)
    trials = found["date"].str.starts_with("NCT")
    if trials.any() and not trials.all():
        row = found.filter(trials != trials[0]).row(0, named=True)
        raise BadInputError(path, f"{row['date']!r} cannot be compared with the dates before it", row["line"])
    index = graph.entities.index
    rows = ((index(c), index(d), date) for c, d, date in found.select(own).iter_rows())
    return Dates(_earliest(rows), len(table) - len(found))


def annotated_dates(graph: KnowledgeGraph) -> Dates:
    """The first date of each pair that an annotation of EVIDENCE dates; a date of another form is a UsageError."""
    dated = [a for a in graph.annotations if a.status in EVIDENCE and a.date]
    if not dated:
        kinds = ", ".join(EVIDENCE)
        raise UsageError(
            f"no annotation of {graph.name} ({kinds}) has a date; give a table of them, {' '.join(DATED[0])}"
        )
    label = graph.entities.label
    for a in dated:
        where = f"the date of an annotation of {label(a.compound)} and {label(a.disease)}"
        check_date(a.date, where)
        if a.date.startswith("NCT") != dated[0].date.startswith("NCT"):
            raise UsageError(f"{where} is {a.date}, which cannot be compared with {dated[0].date} of another")
    return Dates(_earliest((a.compound, a.disease, a.date) for a in dated))


def check_date(date: str, where: str) -> None:
    """A UsageError where this is neither a date nor a trial number."""
    if not _DATE.fullmatch(date):
        raise UsageError(f"{where} is {date!r}; write a date, 2014, 2014-05 or 2014-05-31, or a trial, NCT01000000")


def resolved(graph: KnowledgeGraph, ids: pl.Series, types: Sequence[str]) -> pl.Series:
    """The ids as the graph writes them, given whole or without one of these types; null where it has none of them."""
    known = {given: found[0] for given in ids.unique() if (found := ids_meant(graph, given, types))}
    return ids.replace_strict(known, default=None, return_dtype=pl.String)


def _listed_ids(graph: KnowledgeGraph, table: pl.DataFrame, column: str, path: Path) -> pl.Series:
    """As `resolved`, of all types, those of treated pairs first; a BadInputError where an id fits two of these."""
    treatments = [graph.metaedges[r] for r in graph.treatment_relations]
    first = list(dict.fromkeys(kind for e in treatments for kind in (e.head_type, e.tail_type)))
    for given in table[column].unique(maintain_order=True):
        meant = ids_meant(graph, given, first)
        if len(meant) > 1:
            line = table.filter(pl.col(column) == given)["line"][0]
            raise BadInputError(path, f"{given!r} may be {' or '.join(meant)}; write it whole", line)
    return resolved(graph, table[column], first + [t.name for t in graph.entity_types])


def ids_meant(graph: KnowledgeGraph, given: str, types: Sequence[str]) -> list[str]:
    """The ids of the graph that this may be: itself, or those of these types, in that order.

    Where a table has a column for compounds and one for diseases, the order of the types decides; where an entity may
    be of any type, several are an error.
    """
    if given in graph.entities:
        return [given]
    return [text for kind in types if (text := f"{kind}::{given}") in graph.entities]


def _earliest(rows: Iterable[tuple[int, int, str]]) -> dict[tuple[int, int], str]:
    first: dict[tuple[int, int], str] = {}
    for one, other, date in rows:
        pair = min(one, other), max(one, other)
        first[pair] = min(date, first.get(pair, date))
    return first
