"""Test triples whose two ends training joins too, and what the two relations have in common.

Sources: Toutanova and Chen 2015 (inverse relations of FB15k), Akrami et al. 2020, arXiv 2003.08001 (duplicate and
inverse relations: four fifths of both relations' pairs in common).
"""

import numpy as np
from numpy.typing import NDArray

from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int, stretches
from kgdrug.splits.findings import EXAMPLES, Finding
from kgdrug.splits.split import Split
from kgdrug.splits.treated import pair_keys

IN_COMMON, ALMOST_ALL = 0.8, 0.97  # shares of both relations' pairs that make them near-duplicates, and duplicates


def joined_pairs(split: Split) -> list[Finding]:
    """Test triples whose two ends training joins by another relation, or by the same one the other way round."""
    graph = split.graph
    rows, joining, case = _joining(split)
    if not len(case):
        return []
    order = np.argsort(case, kind="stable")
    starts = np.flatnonzero(np.diff(case[order], prepend=-1))
    cases = case[order[starts]]
    of = np.bincount(split.test[:, 1], minlength=graph.relations)
    found = []
    for one, share, of_case in zip(cases, shares_in_common(graph, cases), np.split(order, starts[1:]), strict=True):
        r, s, turned = case_of(int(one), graph.relations)
        first = np.flatnonzero(np.diff(rows[of_case], prepend=-1))
        concerned = rows[of_case[first]]
        shown = zip(split.test[concerned[:EXAMPLES]], split.train[joining[of_case[first[:EXAMPLES]]]], strict=True)
        examples = tuple(f"{graph.text(t)} (test), {graph.text(j)} (training)" for t, j in shown)
        names = tuple(dict.fromkeys(graph.metaedges[i].abbreviation for i in (r, s)))
        kind, advice = _kind(r == s, turned, float(share)), held_out_advice(split, r)
        found.append(Finding(kind, True, names, len(concerned), int(of[r]), examples, advice, concerned))
    return found


def shares_in_common(graph: KnowledgeGraph, cases: Int) -> NDArray[np.float64]:
    """For ascending cases `(c,)`: the lesser of both relations' shares of pairs that the other has too; `(c,)`.

    A case is two relations and whether the second one's pairs are turned: `case_of` takes it apart. All triples of the
    graph count, so that a drawn split has the shares of its graph. An entity that joins itself does so both ways round.
    """
    sizes = np.bincount(graph.triples[:, 1], minlength=graph.relations)
    first, second = np.divmod(cases // 2, graph.relations)
    shares: NDArray[np.float64] = _common_pairs(graph, cases) / np.maximum(sizes[first], sizes[second])
    return shares


def case_of(case: int, relations: int) -> tuple[int, int, bool]:
    """Two relations and whether the second one's pairs are turned, of the number of a case."""
    pair, turned = divmod(case, 2)
    return *divmod(pair, relations), bool(turned)


def held_out_advice(split: Split, relation: int) -> str:
    """How to part the graph so that no other triple joins the pairs of a test relation."""
    if relation in split.graph.treatment_relations:
        return "hold out whole pairs: kgdrug split GRAPH --kind pairs"
    return "take these pairs out of training over all relations: kgdrug split GRAPH --kind given --folder SPLIT"


def _joining(split: Split) -> tuple[Int, Int, Int]:
    """Rows of test `(j,)`, ascending, rows of training that join the same two entities `(j,)`, and their case `(j,)`.

    The triple itself is left out: `repeated_triples` has it.
    """
    graph = split.graph
    keys, wanted = pair_keys(graph, split.train), pair_keys(graph, split.test)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    start, stop = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    rows = np.repeat(np.arange(len(wanted)), stop - start)
    joining = order[stretches(start, stop - start)]
    test, train = split.test[rows], split.train[joining]
    turned = (train[:, 0] == test[:, 2]) & (train[:, 0] != train[:, 2])
    other = (train[:, 1] != test[:, 1]) | turned
    case = _case(test[:, 1], train[:, 1], graph.relations) + turned
    return rows[other], joining[other], case[other]


def _common_pairs(graph: KnowledgeGraph, cases: Int) -> Int:
    """How many ordered pairs the two relations of each ascending case `(c,)` have in common; `(c,)`.

    One sort of all triples by their two ends; then those of one pair are met by looking 1, 2, ... places ahead.
    """
    m, triples = graph.relations, graph.triples
    (first, second), turned = np.divmod(cases // 2, m), cases % 2
    wanted, which = np.unique(
        _case(np.minimum(first, second), np.maximum(first, second), m) + turned, return_inverse=True
    )
    common = np.zeros(len(wanted), np.int64)

    def count(case: Int) -> None:
        place = np.minimum(np.searchsorted(wanted, case), len(wanted) - 1)
        np.add(common, np.bincount(place[wanted[place] == case], minlength=len(wanted)), out=common)

    keys = pair_keys(graph, triples)
    order = np.argsort(keys, kind="stable")  # so relations ascend within a pair, as they do in the graph
    keys, heads, relations = keys[order], triples[order, 0], triples[order, 1]
    loops = heads == triples[order, 2]
    at, ahead = np.arange(len(keys)), 1
    while len(at := at[: np.searchsorted(at, len(keys) - ahead)]):
        at = at[keys[at] == keys[at + ahead]]
        case = _case(relations[at], relations[at + ahead], m)
        count(case + (heads[at] != heads[at + ahead]))
        count(case[loops[at]] + 1)
        ahead += 1
    common[wanted // 2 // m == wanted // 2 % m] *= 2  # a triple and the same turned are two pairs
    count(_case(relations[loops], relations[loops], m) + 1)
    return common[which]


def _case(first: Int, second: Int, relations: int) -> Int:
    """The number of each case of two relations, both `(c,)`, that are not turned; one more where they are; `(c,)`."""
    case: Int = (first * relations + second) * 2
    return case


def _kind(same: bool, turned: bool, share: float) -> str:
    """What to call a case, by the share of pairs in common."""
    if share < IN_COMMON:
        return "same pair the other way round" if turned else "same pair under another relation"
    if turned:
        return "symmetric relation" if same else "inverse relation"
    return "duplicate relation" if share >= ALMOST_ALL else "near-duplicate relation"
