"""Ways to hold triples out. Each returns a `Split` that its settings make again to the bit.

All but `hold_out_triples` hold out whole treated pairs, over all relations: no triple of any relation or direction that
joins the two ends of a held-out pair stays in training. Its treatment triples are asked for in `valid` or `test`, every
other one is withheld. So a held-out treatment never shines through `CpD` or a reciprocal.

Read before: TxGNN's disease-area splits (a list of ontology terms each, written by hand), and DeepPurpose's cold drug
and cold target splits (which draw drugs and targets apart and throw the mixed pairs away). Here a split is nothing but
a group for each treated pair, and one draw that keeps groups together; an area is a community of related diseases.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int, distinct, triple_keys
from kgdrug.graph.views import communities
from kgdrug.sources import earliest_dates, load_parts, locate, read_groups, read_part
from kgdrug.sources.listed import check_date, sha256_of
from kgdrug.splits.draw import TEST, VALID, Draw, Part, draw_groups, draw_items
from kgdrug.splits.split import Split
from kgdrug.splits.treated import Treated, pair_keys, treated_pairs


def hold_out_pairs(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Hold out treated pairs, each drawn for itself; shares are of the treated pairs."""
    treated = treated_pairs(graph)
    return _held_out(graph, treated, draw_items(len(treated.key), draw, "treated pairs"), _made("pairs", draw))


def hold_out_drugs(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Cold drugs: all treated pairs of a drug go to one part, so training holds no treatment by a held-out drug.

    Other facts of the drug, such as the genes that it binds, stay in training.
    """
    treated = treated_pairs(graph)
    return _held_out(graph, treated, draw_groups(treated.drug, draw, "drugs"), _made("cold-drug", draw))


def hold_out_diseases(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Cold diseases: all treated pairs of a disease go to one part, so training holds no treatment of a held-out one.

    Other facts of the disease, such as its genes and symptoms, stay in training.
    """
    treated = treated_pairs(graph)
    return _held_out(graph, treated, draw_groups(treated.disease, draw, "diseases"), _made("cold-disease", draw))


def hold_out_areas(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Cold areas of disease: the treated pairs of related diseases go to one part together.

    An area is a community of the graph that metaedges between diseases make (`DrD`, a hierarchy), by Louvain's method
    (Blondel et al. 2008, arXiv 0803.0476); a disease that none of them joins is an area of its own.
    """
    treated = treated_pairs(graph)
    area = disease_areas(graph)[treated.disease]
    return _held_out(graph, treated, draw_groups(area, draw, "disease areas"), _made("disease-area", draw))


def disease_areas(graph: KnowledgeGraph) -> Int:
    """The area of each entity that is of a type that is treated, from 0; -1 for the others; `(n,)`."""
    treated = treated_pairs(graph)
    types = {graph.type_of(int(i)).name for i in _first_of_each_type(graph, treated.disease)}
    if types & {graph.type_of(int(i)).name for i in _first_of_each_type(graph, treated.drug)}:
        raise UsageError(
            f"in {graph.name} drugs and diseases are of one type, {min(types)}, so areas cannot be told from links of "
            "diseases; list them in a file and use split kind 'groups'"
        )
    joining = [
        r
        for r, e in enumerate(graph.metaedges)
        if {e.head_type, e.tail_type} <= types and r not in graph.treatment_relations
    ]
    if not joining:
        raise UsageError(
            f"{graph.name} has no metaedge between diseases ({', '.join(sorted(types))}), which areas are made of; "
            "list them in a file and use split kind 'groups'"
        )
    links = graph.triples[np.isin(graph.triples[:, 1], joining)][:, [0, 2]]
    members = np.concatenate([np.arange(t.start, t.stop) for t in graph.entity_types if t.name in types])
    area = np.full(len(graph.entities), -1, np.int64)
    for number, community in enumerate(communities(members, links)):
        area[community] = number
    return area


def hold_out_groups(graph: KnowledgeGraph, draw: Draw, groups: str | Path) -> Split:
    """Hold out by groups of drugs, or of diseases, that a table lists (`entity group`): scaffolds, classes, families.

    All treated pairs of a group go to one part; those whose drug or disease has no group train.
    """
    path = locate(groups, "table of groups")
    treated, table = treated_pairs(graph), read_groups(path, graph)
    of_drug, of_disease = table.group[treated.drug], table.group[treated.disease]
    if (of_drug >= 0).any() and (of_disease >= 0).any():
        raise UsageError(
            f"{groups} has groups of drugs and of diseases; give a table of either, and split by one of them"
        )
    group = np.maximum(of_drug, of_disease)
    if not (group >= 0).any():
        raise UsageError(f"{groups} has a group for no drug and no disease of a treated pair of {graph.name}")
    made = {**_made("groups", draw), "groups": str(groups), "sha256": sha256_of(path)}
    counts = {"pairs_without_group": int((group < 0).sum()), "lines_about_others": table.others}
    return _held_out(graph, treated, draw_groups(group, draw, "groups"), made | {"counts": counts})


def hold_out_later(graph: KnowledgeGraph, valid_from: str, test_from: str, dates: str | Path | None = None) -> Split:
    """Hold out by time: pairs whose first evidence is from `valid_from` on are valid, from `test_from` on test.

    valid_from, test_from: dates (`2014`, `2014-05`, `2014-05-31`) or trial numbers (`NCT01000000`, which rise with the
    day of registration); dates: a table `compound disease date`, by default the dates of the graph's annotations of
    approvals, symptomatic use and trials. A pair without a date trains, and is counted.
    """
    for name, day in (("valid_from", valid_from), ("test_from", test_from)):
        check_date(day, f"split.{name}")
    if not valid_from < test_from or valid_from.startswith("NCT") != test_from.startswith("NCT"):
        raise UsageError(f"split.valid_from is {valid_from} and split.test_from {test_from}; the first must be earlier")
    treated = treated_pairs(graph)
    path = None if dates is None else locate(dates, "table of dates")
    first = earliest_dates(graph, path)
    by_key = {min(pair) * len(graph.entities) + max(pair): date for pair, date in first.items()}
    parts = np.zeros(len(treated.key), np.int8)
    undated = 0
    for i, key in enumerate(treated.key.tolist()):
        date = by_key.get(key)
        if date is None:
            undated += 1
            continue
        for cut in (valid_from, test_from):
            if date.startswith("NCT") != cut.startswith("NCT") or (cut.startswith(date) and cut != date):
                drug, disease = (
                    graph.entities.label(int(treated.drug[i])),
                    graph.entities.label(int(treated.disease[i])),
                )
                raise UsageError(
                    f"{drug} and {disease}: whether {date} is before {cut} cannot be told; write both alike"
                )
        parts[i] = (date >= valid_from) + (date >= test_from)  # TRAIN, VALID, TEST
    for part, name in ((VALID, "valid"), (TEST, "test")):
        if not (parts == part).any():
            dated = f"{len(parts) - undated} of {len(parts)} treated pairs have a date"
            raise UsageError(f"{dated}; with valid_from {valid_from} and test_from {test_from} {name} has no pair")
    made: dict[str, Any] = {"kind": "time", "valid_from": valid_from, "test_from": test_from}
    if path is not None:
        made |= {"dates": str(dates), "sha256": sha256_of(path)}
    return _held_out(graph, treated, parts, made | {"counts": {"pairs_without_date": undated}})


def hold_out_triples(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Hold out random triples of all relations. On drug graphs this leaks: use it for untyped benchmarks."""
    part = draw_items(len(graph.triples), draw, "triples")
    train, valid, test = (graph.triples[part == here] for here in range(3))
    return Split(graph, train, valid, test, made=_made("triples", draw))


def hold_out_given(graph: KnowledgeGraph, folder: str | Path) -> Split:
    """Hold out, over all relations, the pairs in the `valid` and `test` files of a folder."""
    valid, test = (read_part(graph, folder, part) for part in ("valid", "test"))
    made: dict[str, object] = {"kind": "given", "folder": str(folder)}
    held = {part: distinct(pair_keys(graph, triples)) for part, triples in (("valid", valid), ("test", test))}
    if np.isin(held["valid"], held["test"]).any():
        raise UsageError(f"{folder}: a pair is in both valid and test")
    listed = triple_keys(np.concatenate([valid, test]), len(graph.entities))
    asked = np.isin(triple_keys(graph.triples, len(graph.entities)), listed)
    return _part_by_pairs(graph, held["valid"], held["test"], asked, made)


def fixed(folder: str | Path) -> Split:
    """The parts of a folder with `train`, `valid` and `test` files, as they are."""
    graph, parts = load_parts(folder)
    return Split(graph, parts["train"], parts["valid"], parts["test"], made={"kind": "fixed", "folder": str(folder)})


def _made(kind: str, draw: Draw) -> dict[str, Any]:
    return {"kind": kind, **draw.settings}


def _first_of_each_type(graph: KnowledgeGraph, entities: Int) -> Int:
    """One of the entities `(e,)` for each type that they are of."""
    starts = np.array([t.start for t in graph.entity_types])
    return entities[np.unique(np.searchsorted(starts, entities, side="right"), return_index=True)[1]]


def _held_out(graph: KnowledgeGraph, treated: Treated, part: Part, made: Mapping[str, Any]) -> Split:
    """The split in which each treated pair is in its part, `(p,)`."""
    asked = np.isin(graph.triples[:, 1], graph.treatment_relations)
    return _part_by_pairs(graph, treated.key[part == VALID], treated.key[part == TEST], asked, made)


def _part_by_pairs(
    graph: KnowledgeGraph, valid: Int, test: Int, asked: NDArray[np.bool_], made: Mapping[str, Any]
) -> Split:
    """Hold out every triple of the given pairs; those that are asked become valid and test, the others are withheld."""
    pairs = pair_keys(graph, graph.triples)
    in_valid, in_test = np.isin(pairs, valid), np.isin(pairs, test)
    held = in_valid | in_test
    parts = (~held, in_valid & asked, in_test & asked, held & ~asked)
    train, valid_part, test_part, withheld = (graph.triples[rows] for rows in parts)
    return Split(graph, train, valid_part, test_part, withheld, made)
