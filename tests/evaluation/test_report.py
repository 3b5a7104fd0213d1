"""The report on one model beside its baselines."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from kgdrug.evaluation import METRICS, baselines, evaluate, metrics, rank_triples
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import Candidates, TableModel
from kgdrug.splits import Split

COMPOUNDS, DISEASES = 20, 30
SIDES = ("both", "head", "tail")


def make_split(types: tuple[EntityType, ...], edges: tuple[Metaedge, ...], share: float) -> Split:
    """A random part of everything that fits, one in five triples held out; low indices stand in most triples."""
    rng = np.random.default_rng(0)
    ranges = {t.name: t.range for t in types}
    triples = [
        (h, r, t)
        for r, edge in enumerate(edges)
        for h in ranges[edge.head_type]
        for t in ranges[edge.tail_type]
        if rng.random() < share * 4 / (1 + t - ranges[edge.tail_type].start) ** 0.5
    ]
    ids = Vocabulary(f"e{i}" for i in range(types[-1].stop))
    graph = KnowledgeGraph(ids, types, edges, np.array(triples, np.int64))
    part = rng.permutation(len(triples)) % 10
    return Split(graph, graph.triples[part > 1], graph.triples[part == 0], graph.triples[part == 1])


@pytest.fixture(scope="module")
def split() -> Split:
    types = (EntityType("Compound", 0, COMPOUNDS), EntityType("Disease", COMPOUNDS, COMPOUNDS + DISEASES))
    edges = (
        Metaedge("CpD", "Compound", "palliates", "Disease"),
        Metaedge("CrC", "Compound", "resembles", "Compound"),
        Metaedge("CtD", "Compound", "treats", "Disease"),
    )
    return make_split(types, edges, 0.2)


@pytest.fixture(scope="module")
def untyped() -> Split:
    return make_split((EntityType("Entity", 0, 30),), (Metaedge("likes", "Entity", "likes", "Entity"),), 0.2)


def create(split: Split) -> TableModel:
    return TableModel.create("distmult", len(split.graph.entities), split.graph.relations, 4, 0)


class Oracle:
    """Scores of one where the split holds the fact in any part."""

    def __init__(self, split: Split) -> None:
        self.split, self.truth = split, {tuple(t) for t in split.graph.triples.tolist()}

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        m, entities = self.split.graph.relations, range(len(self.split.graph.entities))
        return torch.tensor(
            [
                [float(((h, r, e) if r < m else (e, r - m, h)) in self.truth) for e in entities]
                for h, r in queries.tolist()
            ]
        )[:, candidates]


def test_a_report_has_the_documented_keys_and_no_others(split: Split) -> None:
    report = evaluate(create(split), split)
    assert set(report) == {*SIDES, "by_metaedge", "baselines", "baselines_by_side", "candidates"}
    assert set(report["baselines"]) == {"degree", "random"}
    assert set(report["baselines_by_side"]) == {"head", "tail"}
    assert all(set(by_name) == {"degree", "random"} for by_name in report["baselines_by_side"].values())
    assert set(report["by_metaedge"]) == {"CpD", "CrC", "CtD"}
    tables = [report[side] for side in SIDES] + [*report["by_metaedge"].values(), *report["baselines"].values()]
    tables += [table for by_name in report["baselines_by_side"].values() for table in by_name.values()]
    assert all(set(table) == set(METRICS) for table in tables)


def test_a_report_is_json_without_nan(split: Split) -> None:
    report = evaluate(create(split), split)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_report_on_no_test_triples_says_none_where_it_knows_nothing(split: Split) -> None:
    nothing = Split(split.graph, split.train, split.valid, split.test[:0])
    report = evaluate(create(split), nothing)
    assert report["both"] == dict.fromkeys(METRICS) | {"queries": 0}
    assert report["by_metaedge"] == {}
    json.dumps(report, allow_nan=False)


def test_the_numbers_of_a_report_are_those_of_the_test_triples(split: Split) -> None:
    model = create(split)
    report = evaluate(model, split)
    ranks = rank_triples(model, split.test, split.known, split.graph)
    assert report["both"] == metrics(ranks)
    assert report["head"] == metrics(ranks[ranks.head_side])
    assert report["tail"] == metrics(ranks[~ranks.head_side])
    treats = ranks.relation == split.graph.relation("CtD")
    assert report["by_metaedge"]["CtD"] == metrics(ranks[treats])
    assert report["both"]["queries"] == 2 * len(split.test)
    assert sum(table["queries"] for table in report["by_metaedge"].values()) == 2 * len(split.test)


@pytest.mark.parametrize("candidates", ["typed", "all"])
def test_a_report_says_which_candidates_were_ranked(candidates: str, split: Split, untyped: Split) -> None:
    assert evaluate(create(split), split, candidates)["candidates"] == candidates
    assert evaluate(create(untyped), untyped, candidates)["candidates"] == "all"


def test_all_candidates_are_more_than_typed_ones(split: Split) -> None:
    report = {candidates: evaluate(create(split), split, candidates) for candidates in ("typed", "all")}
    assert report["all"]["both"]["mean_rank"] > report["typed"]["both"]["mean_rank"]
    random = {candidates: report[candidates]["baselines"]["random"]["mean_rank"] for candidates in report}
    assert random["all"] > 1.5 * random["typed"]


def test_who_knows_the_graph_is_perfect(split: Split) -> None:
    both = evaluate(Oracle(split), split)["both"]
    assert (both["mrr"], both["hits_at_1"], both["amri"]) == (1, 1, 1)


def test_degree_counts_how_often_a_candidate_answers_the_relation_in_training(split: Split) -> None:
    m, n = split.graph.relations, len(split.graph.entities)
    answers = Counter((r, t) for _, r, t in split.train.tolist())
    answers += Counter((r + m, h) for h, r, _ in split.train.tolist())
    queries = [[h, r] for h in (0, 5, 21) for r in range(2 * m)]
    degree = baselines(split.train, n, m)["degree"]
    expected = [[answers[r, e] for e in range(n)] for _, r in queries]
    assert degree.scores(torch.tensor(queries), slice(0, n)).tolist() == expected
    assert degree.scores(torch.tensor(queries), slice(7, 20)).tolist() == [row[7:20] for row in expected]
    some = torch.tensor([30, 2, 2])
    assert degree.scores(torch.tensor(queries), some).tolist() == [[row[i] for i in (30, 2, 2)] for row in expected]


def test_the_baselines_know_nothing_of_held_out_answers(split: Split) -> None:
    treats = split.graph.triples[:, 1] == split.graph.relation("CtD")
    unseen = Split(split.graph, split.graph.triples[~treats], split.valid, split.graph.triples[treats])
    report = evaluate(create(unseen), unseen)
    assert report["baselines"]["degree"]["amri"] == pytest.approx(0)  # nobody answers a relation that training lacks


@pytest.fixture(scope="module")
def large() -> Split:
    types = (EntityType("Compound", 0, 80), EntityType("Disease", 80, 130))
    return make_split(types, (Metaedge("CtD", "Compound", "treats", "Disease"),), 0.3)


def test_popular_diseases_are_beyond_chance(large: Split) -> None:
    assert evaluate(create(large), large)["baselines_by_side"]["tail"]["degree"]["amri"] > 0.2


def test_random_scores_of_many_questions_have_an_amri_of_zero(large: Split) -> None:
    random = baselines(large.train, len(large.graph.entities), 1)["random"]
    result = metrics(rank_triples(random, large.graph.triples, large.known, large.graph))
    assert result["queries"] > 1000
    assert abs(result["amri"]) < 0.05


def test_random_scores_are_spread_over_all_candidates_and_differ_between_questions(split: Split) -> None:
    random = baselines(split.train, len(split.graph.entities), split.graph.relations)["random"]
    first, second = (random.scores(torch.tensor([[0, 0], [0, 0]]), slice(20, 50)) for _ in range(2))
    assert first.shape == (2, 30)
    assert len(torch.cat([first, second]).unique()) > 100
    assert random.scores(torch.tensor([[0, 0]]), torch.tensor([3, 1])).shape == (1, 2)


def test_a_report_repeats_to_the_bit(split: Split) -> None:
    assert evaluate(create(split), split) == evaluate(create(split), split)
