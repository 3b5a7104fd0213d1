"""Ways to hold triples out. Each returns a `Split` that its settings make again to the bit.

All but `hold_out_triples` hold out whole treated pairs, over all relations: no triple of any relation or direction that
joins the two ends of a held-out pair stays in training. Its treatment triples are asked for in `valid` or `test`, every
other one is withheld. So a held-out treatment never shines through `CpD` or a reciprocal.

Read before: TxGNN's disease-area splits (a list of ontology terms each, written by hand), and DeepPurpose's cold drug
and cold target splits (which draw drugs and targets apart and throw the mixed pairs away). Here a split is nothing but
a group for each treated pair, and one draw that keeps groups together; an area is a community of related diseases.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int, distinct, triple_keys
from kgdrug.graph.views import communities
from kgdrug.splits.draw import TEST, VALID, Draw, Part, draw_groups, draw_items
from kgdrug.splits.split import Split
from kgdrug.splits.treated import Treated, pair_keys, treated_pairs


def hold_out_pairs(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Hold out treated pairs, each drawn for itself; shares are of the treated pairs."""
    treated = treated_pairs(graph)
    return _held_out(graph, treated, draw_items(len(treated.key), draw, "treated pairs"), made_by("pairs", draw))


def hold_out_drugs(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Cold drugs: all treated pairs of a drug go to one part, so training holds no treatment by a held-out drug.

    Other facts of the drug, such as the genes that it binds, stay in training.
    """
    treated = treated_pairs(graph)
    return _held_out(graph, treated, draw_groups(treated.drug, draw, "drugs"), made_by("cold-drug", draw))


def hold_out_diseases(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Cold diseases: all treated pairs of a disease go to one part, so training holds no treatment of a held-out one.

    Other facts of the disease, such as its genes and symptoms, stay in training.
    """
    treated = treated_pairs(graph)
    return _held_out(graph, treated, draw_groups(treated.disease, draw, "diseases"), made_by("cold-disease", draw))


def hold_out_areas(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Cold areas of disease: the treated pairs of related diseases go to one part together.

    An area is a community of the graph that metaedges between diseases make (`DrD`, a hierarchy), by Louvain's method
    (Blondel et al. 2008, arXiv 0803.0476); a disease that none of them joins is an area of its own.
    """
    treated = treated_pairs(graph)
    area = disease_areas(graph)[treated.disease]
    return _held_out(graph, treated, draw_groups(area, draw, "disease areas"), made_by("disease-area", draw))


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
    if not len(links):
        names = ", ".join(graph.metaedges[r].abbreviation for r in joining)
        raise UsageError(
            f"{graph.name} has no fact of {names}, which areas are made of; list them in a file and use split kind "
            "'groups'"
        )
    members = np.concatenate([np.arange(t.start, t.stop) for t in graph.entity_types if t.name in types])
    area = np.full(len(graph.entities), -1, np.int64)
    for number, community in enumerate(communities(members, links)):
        area[community] = number
    return area


def hold_out_by_group(graph: KnowledgeGraph, draw: Draw, group: Int, made: Mapping[str, Any]) -> Split:
    """Hold out by the group of each entity, `(n,)`, -1 for none, of drugs or of diseases.

    All treated pairs of a group go to one part; those whose drug or disease has no group train, and are counted.
    """
    treated = treated_pairs(graph)
    of_drug, of_disease = group[treated.drug], group[treated.disease]
    if (of_drug >= 0).any() and (of_disease >= 0).any():
        raise UsageError("there are groups of drugs and of diseases; give a table of either, and split by one of them")
    of_pair = np.maximum(of_drug, of_disease)
    if not (of_pair >= 0).any():
        raise UsageError(f"no drug and no disease of a treated pair of {graph.name} has a group")
    counts = {"pairs_without_group": int((of_pair < 0).sum()), **made.get("counts", {})}
    return _held_out(graph, treated, draw_groups(of_pair, draw, "groups"), {**made, "counts": counts})


def hold_out_by_date(
    graph: KnowledgeGraph,
    valid_from: str,
    test_from: str,
    first: Mapping[tuple[int, int], str],
    made: Mapping[str, Any],
) -> Split:
    """Hold out by the first date of each pair: from `valid_from` on it is valid, from `test_from` on test.

    first: by the entities of a pair, the lower index first. A pair without a date trains, and is counted.
    """
    treated = treated_pairs(graph)
    parts, lines = np.zeros(len(treated.key), np.int8), []
    for i, (drug, disease) in enumerate(zip(treated.drug.tolist(), treated.disease.tolist(), strict=True)):
        date = first.get((min(drug, disease), max(drug, disease)))
        if date is None:
            continue
        lines.append(f"{graph.entities.ids[drug]} {graph.entities.ids[disease]} {date}\n")
        try:
            parts[i] = sum(_is_from(date, cut) for cut in (valid_from, test_from))  # TRAIN, VALID, TEST
        except ValueError as error:
            ends = f"{graph.entities.label(drug)} and {graph.entities.label(disease)}"
            raise UsageError(f"{ends}: {error}") from None
    for part, name in ((VALID, "valid"), (TEST, "test")):
        if not (parts == part).any():
            dated = f"{len(lines)} of {len(parts)} treated pairs have a date"
            raise UsageError(f"{dated}; with valid_from {valid_from} and test_from {test_from} {name} has no pair")
    sha256 = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    counts = {"pairs_without_date": len(parts) - len(lines), **made.get("counts", {})}
    return _held_out(graph, treated, parts, {**made, "sha256": sha256, "counts": counts})


def hold_out_triples(graph: KnowledgeGraph, draw: Draw) -> Split:
    """Hold out random triples of all relations. On drug graphs this leaks: use it for untyped benchmarks."""
    part = draw_items(len(graph.triples), draw, "triples")
    train, valid, test = (graph.triples[part == here] for here in range(3))
    return Split(graph, train, valid, test, made=made_by("triples", draw))


def hold_out_listed(graph: KnowledgeGraph, valid: Int, test: Int, made: Mapping[str, Any]) -> Split:
    """Hold out, over all relations, the pairs of these triples of the graph, and ask for the triples themselves.

    A pair of both is asked for in test alone: its triples in valid are withheld, and such pairs are counted.
    """
    held = {part: distinct(pair_keys(graph, triples)) for part, triples in (("valid", valid), ("test", test))}
    both = np.isin(held["valid"], held["test"])
    only_valid = held["valid"][~both]
    for name, pairs in (("valid", only_valid), ("test", held["test"])):
        if not len(pairs):
            raise UsageError(f"{name} lists no pair" + (" that test does not list too" if both.any() else ""))
    listed = triple_keys(np.concatenate([valid, test]), len(graph.entities))
    of_test = np.isin(pair_keys(graph, graph.triples), held["test"])
    keys = triple_keys(graph.triples, len(graph.entities))
    asked = np.where(of_test, np.isin(keys, triple_keys(test, len(graph.entities))), np.isin(keys, listed))
    counts = {"counts": {"pairs_of_valid_in_test_too": int(both.sum())}} if both.any() else {}
    return _part_by_pairs(graph, only_valid, held["test"], asked, {**made, **counts})


def _is_from(date: str, cut: str) -> bool:
    """Whether a date, or trial number, is the cut or later; ValueError where that cannot be told.

    A date without day, or month, is some day of that month, or year.
    """
    first_day, first_of_cut = (day if day.startswith("NCT") else (day + "-01-01")[:10] for day in (date, cut))
    if date.startswith("NCT") != cut.startswith("NCT") or (cut.startswith(date) and first_day < first_of_cut):
        raise ValueError(f"whether {date} is before {cut} cannot be told; write both alike")
    return first_day >= first_of_cut


def made_by(kind: str, draw: Draw) -> dict[str, Any]:
    """How a drawn split is made, as it says itself."""
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
