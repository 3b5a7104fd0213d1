"""Tables that a user writes about a graph's entities and pairs: groups, and dates of first evidence.

An entity is given by its id, or by the bare part of it: `DB00331` finds `Compound::DB00331`.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int
from kgdrug.sources.reading import Reading, read_table, separator_of

EVIDENCE = ("approved", "symptomatic", "trial")  # statuses of annotations whose date says when a use was first known
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?|NCT\d{8}")


@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each entity, -1 for none; `(n,)`. names: of the groups; others: lines about unknown entities."""

    group: Int
    names: tuple[str, ...]
    others: int


def read_groups(path: Path, graph: KnowledgeGraph) -> Groups:
    """A table `entity group`, tab-separated (or `.csv`) with a header; an entity in two groups is a BadInputError."""
    table = read_table(path, Reading(), ("entity", "group"), header=True, separator=separator_of(path))
    found = table.with_columns(resolved(graph, table["entity"], [t.name for t in graph.entity_types]).alias("id"))
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


def earliest_dates(graph: KnowledgeGraph, path: Path | None = None) -> dict[tuple[int, int], str]:
    """The first date of each pair of entities that has one: from a table, or from the annotations of EVIDENCE.

    path: `compound disease date`, tab-separated (or `.csv`) with a header; lines about entities of no graph here are
    passed over. Dates are of the form that `check_date` takes, all with days, or all trial numbers.
    """
    rows: list[tuple[int, int, str]]
    if path is None:
        dated = [a for a in graph.annotations if a.status in EVIDENCE and a.date]
        if not dated:
            kinds = ", ".join(EVIDENCE)
            raise UsageError(
                f"no annotation of {graph.name} ({kinds}) has a date; give a table of them, compound disease date"
            )
        rows = [(a.compound, a.disease, a.date) for a in dated]
    else:
        rows = _read_dates(path, graph)
    first: dict[tuple[int, int], str] = {}
    for one, other, date in rows:
        pair = min(one, other), max(one, other)
        first[pair] = min(date, first.get(pair, date))
    return first


def check_date(date: str, where: str) -> None:
    """A UsageError where this is neither a date nor a trial number."""
    if not _DATE.fullmatch(date):
        raise UsageError(f"{where} is {date!r}; write a date, 2014, 2014-05 or 2014-05-31, or a trial, NCT01000000")


def resolved(graph: KnowledgeGraph, ids: pl.Series, types: list[str]) -> pl.Series:
    """The ids as the graph writes them, given whole or without one of these types; null where it has none of them."""
    known = {i: i for i in ids.unique() if i in graph.entities}
    for given in ids.unique():
        longer = next((text for kind in types if (text := f"{kind}::{given}") in graph.entities), None)
        if given not in known and longer:
            known[given] = longer
    return ids.replace_strict(known, default=None, return_dtype=pl.String)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_dates(path: Path, graph: KnowledgeGraph) -> list[tuple[int, int, str]]:
    table = read_table(path, Reading(), ("compound", "disease", "date"), header=True, separator=separator_of(path))
    types = [t.name for t in graph.entity_types]
    table = table.with_columns(resolved(graph, table[side], types).alias(side) for side in ("compound", "disease"))
    found = table.drop_nulls(["compound", "disease"])
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
    return [(index(c), index(d), date) for c, d, date in found.select("compound", "disease", "date").iter_rows()]
