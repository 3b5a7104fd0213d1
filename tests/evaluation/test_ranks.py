"""Ranks against a count over Python lists."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kgdrug.errors import KgdrugError
from kgdrug.evaluation import filtered_ranks, rank_triples
from kgdrug.evaluation import ranks as ranks_module
from kgdrug.graph import EntityType, KnowledgeGraph, KnownTails, Metaedge, Vocabulary
from kgdrug.models import Candidates, TableModel

Triple = tuple[int, int, int]


def slow_rank(scores: dict[int, float], target: int, known: set[int]) -> tuple[float, int]:
    """The mean of the best and the worst place of the target among itself and what is unknown, and their number."""
    rivals = [score for entity, score in scores.items() if entity not in known - {target} and entity != target]
    optimistic = 1 + sum(score > scores[target] for score in rivals)
    pessimistic = 1 + sum(score >= scores[target] for score in rivals)
    return (optimistic + pessimistic) / 2, 1 + len(rivals)


@st.composite
def score_matrices(draw: st.DrawFn) -> tuple[list[list[float]], list[tuple[int, int]], list[tuple[int, int]]]:
    """Scores with many ties, cells of targets by row, and distinct cells of known answers."""
    b, k = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    level = st.sampled_from([-1.5, 0.0, 0.5, 2.0])
    scores = draw(st.lists(st.lists(level, min_size=k, max_size=k), min_size=b, max_size=b))
    targets = draw(st.lists(st.tuples(st.integers(0, b - 1), st.integers(0, k - 1)), min_size=1, max_size=8))
    cells = draw(st.sets(st.tuples(st.integers(0, b - 1), st.integers(0, k - 1))))
    return scores, sorted(targets), draw(st.permutations(sorted(cells)))


@settings(max_examples=80, deadline=None)
@given(score_matrices(), st.sampled_from([1, 10, 250_000]))
def test_a_filtered_rank_is_the_mean_of_the_best_and_the_worst_place(
    case: tuple[list[list[float]], list[tuple[int, int]], list[tuple[int, int]]], tile: int
) -> None:
    scores, targets, cells = case
    known = torch.tensor(cells, dtype=torch.int64).reshape(-1, 2)
    rows, columns = torch.tensor(targets).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks_module, "TILE", tile)
        ranks, candidates = filtered_ranks(torch.tensor(scores), rows, columns, known[:, 0], known[:, 1])
    expected = [
        slow_rank(dict(enumerate(scores[row])), target, {column for r, column in cells if r == row})
        for row, target in targets
    ]
    assert list(zip(ranks.tolist(), candidates.tolist(), strict=True)) == expected


def test_a_rank_worked_by_hand() -> None:
    scores = torch.tensor([[5.0, 3.0, 3.0, 9.0, 1.0]])
    row, column, nothing = torch.tensor([0]), torch.tensor([1]), torch.empty(0, dtype=torch.int64)
    assert filtered_ranks(scores, row, column, nothing, nothing)[0].tolist() == [3.5]  # 9 and 5 before, one beside
    known_rows, known_columns = torch.tensor([0, 0]), torch.tensor([3, 1])
    ranks, candidates = filtered_ranks(scores, row, column, known_rows, known_columns)
    assert (ranks.tolist(), candidates.tolist()) == ([2.5], [4])


def test_ranks_are_made_on_whatever_device_the_scores_are_on() -> None:
    model = TableModel.create("complex", 30, 2, 8, seed=0).to("meta")
    scores = model.scores(torch.tensor([[0, 1], [3, 2]]), slice(5, 25))
    rows, columns = torch.tensor([0, 1, 1]), torch.tensor([4, 4, 9])
    ranks, candidates = filtered_ranks(scores, rows, columns, rows, columns)
    assert ranks.device.type == candidates.device.type == "meta"  # nothing was computed, so nothing was waited for
    assert ranks.shape == candidates.shape == (3,)


class Lookup:
    """Scores from a table with many ties; it remembers what it was asked."""

    def __init__(self, entities: int, relations: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.randint(4, (entities, 2 * relations, entities), generator=generator).float()
        self.asked: list[tuple[list[list[int]], int, int]] = []

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        assert isinstance(candidates, slice)
        self.asked.append((queries.tolist(), candidates.start, candidates.stop))
        return self.table[queries[:, 0], queries[:, 1]][:, candidates]


def make_graph(sizes: list[int], ends: list[tuple[int, int]], triples: set[Triple] | None = None) -> KnowledgeGraph:
    """Types of these sizes, metaedges between them, and these triples, or all that fit."""
    stops = np.cumsum(sizes).tolist()
    spans = [(stop - size, stop) for size, stop in zip(sizes, stops, strict=True)]
    types = tuple(EntityType(f"T{i}", start, stop) for i, (start, stop) in enumerate(spans))
    edges = tuple(Metaedge(f"r{i}", types[h].name, f"r{i}", types[t].name) for i, (h, t) in enumerate(ends))
    if triples is None:
        triples = {(h, r, t) for r, (a, b) in enumerate(ends) for h, t in product(types[a].range, types[b].range)}
    ordered = sorted(triples, key=lambda x: (x[1], x[0], x[2]))
    names = Vocabulary(f"e{i}" for i in range(stops[-1]))
    return KnowledgeGraph(names, types, edges, np.array(ordered, np.int64).reshape(-1, 3))


@st.composite
def graphs(draw: st.DrawFn) -> KnowledgeGraph:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    kind = st.integers(0, len(sizes) - 1)
    ends = draw(st.lists(st.tuples(kind, kind), min_size=1, max_size=3))
    possible = make_graph(sizes, ends).triples.tolist()
    return make_graph(
        sizes, ends, draw(st.sets(st.sampled_from([tuple(t) for t in possible]), min_size=1, max_size=40))
    )


def slow_ranks(model: Lookup, triples: list[Triple], graph: KnowledgeGraph, candidates: str) -> list[tuple[float, int]]:
    """First the rank of every tail, then that of every head, with what the whole graph knows left out."""
    facts, m = [tuple(t) for t in graph.triples.tolist()], graph.relations
    result = []
    for h, r, t in triples:
        pool = graph.entity_type(graph.metaedges[r].tail_type).range
        among = pool if candidates == "typed" else range(len(graph.entities))
        known = {tail for head, relation, tail in facts if (head, relation) == (h, r)}
        result.append(slow_rank({e: float(model.table[h, r, e]) for e in among}, t, known))
    for h, r, t in triples:
        pool = graph.entity_type(graph.metaedges[r].head_type).range
        among = pool if candidates == "typed" else range(len(graph.entities))
        known = {head for head, relation, tail in facts if (tail, relation) == (t, r)}
        result.append(slow_rank({e: float(model.table[t, r + m, e]) for e in among}, h, known))
    return result


@settings(max_examples=50, deadline=None)
@given(
    graph=graphs(),
    candidates=st.sampled_from(["typed", "all"]),
    block=st.sampled_from([1, 5, 8_000_000]),
    seed=st.integers(0, 100),
    data=st.data(),
)
def test_each_triple_is_ranked_for_its_tail_and_for_its_head(
    graph: KnowledgeGraph, candidates: str, block: int, seed: int, data: st.DataObject
) -> None:
    facts = [tuple(t) for t in graph.triples.tolist()]
    asked = data.draw(st.lists(st.sampled_from(facts), max_size=12))  # in any order, some of them twice
    model = Lookup(len(graph.entities), graph.relations, seed)
    known = KnownTails(graph.triples, len(graph.entities), graph.relations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kgdrug.evaluation.ranks.BLOCK", block)
        ranks = rank_triples(model, np.array(asked, np.int64).reshape(-1, 3), known, graph, candidates)
    assert list(zip(ranks.rank.tolist(), ranks.candidates.tolist(), strict=True)) == slow_ranks(
        model, asked, graph, candidates
    )
    assert ranks.relation.tolist() == [r for _, r, _ in asked] * 2
    assert ranks.head_side.tolist() == [False] * len(asked) + [True] * len(asked)
    assert ranks.triple.tolist() == [*range(len(asked))] * 2
    assert ranks.given.tolist() == [h for h, _, _ in asked] + [t for _, _, t in asked]
    assert ranks.answer.tolist() == [t for _, _, t in asked] + [h for h, _, _ in asked]


def everything(sizes: list[int], ends: list[tuple[int, int]]) -> tuple[KnowledgeGraph, Lookup, KnownTails]:
    graph = make_graph(sizes, ends)
    model = Lookup(len(graph.entities), graph.relations, 0)
    return graph, model, KnownTails(graph.triples[:0], len(graph.entities), graph.relations)


def test_a_query_that_repeats_is_scored_once() -> None:
    graph, model, known = everything([3, 8], [(0, 1), (1, 1)])
    rank_triples(model, graph.triples, known, graph)
    queries = [tuple(query) for asked, _, _ in model.asked for query in asked]
    assert len(queries) == len(set(queries)) < 2 * len(graph.triples)


def test_no_call_asks_for_more_scores_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, model, known = everything([3, 8], [(0, 1), (1, 1)])
    monkeypatch.setattr("kgdrug.evaluation.ranks.BLOCK", 20)
    rank_triples(model, graph.triples, known, graph)
    assert max(len(asked) * (stop - start) for asked, start, stop in model.asked) <= 20


def test_typed_ranks_ask_only_for_scores_of_the_answers_type() -> None:
    graph, model, known = everything([3, 8], [(0, 1)])
    rank_triples(model, graph.triples, known, graph)
    assert {(relation, start, stop) for asked, start, stop in model.asked for _, relation in asked} == {
        (0, 3, 11),
        (1, 0, 3),
    }


def test_of_several_held_out_answers_none_stands_in_the_way_of_another() -> None:
    graph, model, _ = everything([1, 6], [(0, 1)])
    model.table[0, 0, 1:] = torch.arange(6.0)
    held_out = graph.triples[[3, 4, 5]]  # the best three of the six
    known = KnownTails(held_out, len(graph.entities), graph.relations)
    ranks = rank_triples(model, held_out, known, graph)
    assert ranks[~ranks.head_side].rank.tolist() == [1.0, 1.0, 1.0]
    assert ranks[~ranks.head_side].candidates.tolist() == [4, 4, 4]


def test_scores_of_equal_size_leave_every_answer_in_the_middle() -> None:
    graph, model, known = everything([4, 9], [(0, 1)])
    model.table.zero_()
    ranks = rank_triples(model, graph.triples, known, graph)
    assert set(ranks[~ranks.head_side].rank.tolist()) == {5.0}
    assert set(ranks[ranks.head_side].rank.tolist()) == {2.5}


@pytest.mark.parametrize("entity", [4, 12])
def test_one_score_that_is_no_number_is_an_error(entity: int) -> None:
    graph, model, known = everything([4, 9], [(0, 1)])
    model.table[2, 0, entity] = float("nan")
    with pytest.raises(KgdrugError, match="NaN"):
        rank_triples(model, graph.triples, known, graph)


def test_infinite_scores_are_ranked() -> None:
    graph, model, known = everything([1, 4], [(0, 1)])
    model.table[0, 0, 1:] = torch.tensor([float("-inf"), float("inf"), 0.0, float("-inf")])
    ranks = rank_triples(model, graph.triples, known, graph)
    assert ranks[~ranks.head_side].rank.tolist() == [3.5, 1.0, 2.0, 3.5]


def test_a_pool_of_candidates_that_does_not_exist_is_refused() -> None:
    graph, model, known = everything([4, 9], [(0, 1)])
    with pytest.raises(KgdrugError, match="everything"):
        rank_triples(model, graph.triples, known, graph, "everything")
