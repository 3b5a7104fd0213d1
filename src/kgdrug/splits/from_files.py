"""Splits that files decide: groups and dates from tables, parts that are given. What was read is pinned by SHA-256."""

from pathlib import Path
from typing import Any

import numpy as np

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int, triple_keys
from kgdrug.graph.mapping import Map
from kgdrug.graph.store import sha256_of
from kgdrug.sources import annotated_dates, find_part, load_parts, locate, read_dates, read_groups, read_part
from kgdrug.sources.listed import check_date
from kgdrug.splits.draw import Draw
from kgdrug.splits.folder import SPLIT_FILE, load_split
from kgdrug.splits.kinds import hold_out_by_date, hold_out_by_group, hold_out_listed, made_by
from kgdrug.splits.split import Split


def hold_out_groups(graph: KnowledgeGraph, draw: Draw, groups: str | Path) -> Split:
    """Hold out by groups of drugs, or of diseases, that a table lists (`entity group`): scaffolds, classes, families.

    All treated pairs of a group go to one part; those whose drug or disease has no group train.
    """
    path = _locate_table(groups, "table of groups")
    table = read_groups(path, graph)
    made = {**made_by("groups", draw), "groups": str(groups), "sha256": sha256_of(path)}
    try:
        return hold_out_by_group(graph, draw, table.group, made | {"counts": {"lines_about_others": table.others}})
    except UsageError as error:
        raise UsageError(f"{groups}: {error}") from None


def hold_out_later(graph: KnowledgeGraph, valid_from: str, test_from: str, dates: str | Path | None = None) -> Split:
    """Hold out by time: pairs whose first evidence is from `valid_from` on are valid, from `test_from` on test.

    valid_from, test_from: dates (`2014`, `2014-05`, `2014-05-31`) or trial numbers (`NCT01000000`, which rise with the
    day of registration); dates: a table `compound disease date`, or of trials, `compound_id disease_id first_nct_id`;
    by default the dates of the graph's annotations of approvals, symptomatic use and trials. A pair without a date
    trains, and is counted. `sha256` in what is made is that of the lines `compound disease date` of dated treated
    pairs, sorted.
    """
    for name, day in (("valid_from", valid_from), ("test_from", test_from)):
        check_date(day, f"split.{name}")
    if not valid_from < test_from or valid_from.startswith("NCT") != test_from.startswith("NCT"):
        raise UsageError(f"split.valid_from is {valid_from} and split.test_from {test_from}; the first must be earlier")
    made: dict[str, Any] = {"kind": "time", "valid_from": valid_from, "test_from": test_from}
    if dates is None:
        return hold_out_by_date(graph, valid_from, test_from, annotated_dates(graph).first, made)
    found = read_dates(_locate_table(dates, "table of dates"), graph)
    made |= {"dates": str(dates), "counts": {"lines_about_others": found.others}}
    return hold_out_by_date(graph, valid_from, test_from, found.first, made)


def hold_out_given(graph: KnowledgeGraph, folder: str | Path) -> Split:
    """Hold out, over all relations, the pairs of the valid and test triples in a folder: files, or a split folder."""
    path = locate(folder, "split")
    if (path / SPLIT_FILE).is_file():
        other = load_split(path)
        valid, test = (_carried(other.graph, part, graph, path) for part in (other.valid, other.test))
        sha256: object = other.digest
    else:
        valid, test = (read_part(graph, path, part) for part in ("valid", "test"))
        sha256 = {part: sha256_of(file) for part in ("valid", "test") if (file := find_part(path, part))}
    try:
        return hold_out_listed(graph, valid, test, {"kind": "given", "folder": str(folder), "sha256": sha256})
    except UsageError as error:
        raise UsageError(f"{folder}: {error}") from None


def fixed(folder: str | Path) -> Split:
    """The parts of a folder with `train`, `valid` and `test` files, as they are."""
    graph, parts = load_parts(locate(folder, "split"))
    return Split(graph, parts["train"], parts["valid"], parts["test"], made={"kind": "fixed", "folder": str(folder)})


def _carried(source: KnowledgeGraph, triples: Int, graph: KnowledgeGraph, folder: Path) -> Int:
    """Triples of one graph as indices of another; a BadInputError where that lacks one."""
    carried, n = Map(source, graph).whole(triples), len(graph.entities)
    lacking = (carried < 0).any(1) | ~np.isin(triple_keys(carried, n), triple_keys(graph.triples, n))
    if lacking.any():
        head, r, tail = triples[int(lacking.argmax())].tolist()
        words = f"{source.entities.ids[head]} {source.metaedges[r].abbreviation} {source.entities.ids[tail]}"
        raise BadInputError(folder, f"{words}: not of the graph {graph.name}")
    return carried


def _locate_table(source: str | Path, what: str) -> Path:
    path = locate(source, what)
    if path.is_dir():
        raise UsageError(f"{source} is a folder; give a file, the {what}")
    return path
