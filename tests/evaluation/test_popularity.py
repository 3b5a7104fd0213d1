"""Who gets the same drugs, counted over Python lists."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import Tensor

from kgdrug.config import Experiment
from kgdrug.evaluation import DegreeCorrected, Pairs, baselines, evaluate, popularity
from kgdrug.evaluation.popularity import NAMES, commonality, entropy
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import Candidates, TableModel
from kgdrug.splits import Split
from kgdrug.trained import TrainedModel, mean_rank_scores

COMPOUNDS, DISEASES = 30, 8


@st.composite
def lists(draw: st.DrawFn) -> list[list[int]]:
    length = draw(st.integers(1, 5))
    return draw(st.lists(st.permutations(range(9)).map(lambda order: order[:length]), min_size=2, max_size=6))


@settings(max_examples=60, deadline=None)
@given(lists())
def test_commonality_is_the_mean_overlap_of_two_lists(several: list[list[int]]) -> None:
    times = np.bincount(np.ravel(several), minlength=9)
    shared = [len({*a} & {*b}) / len(a) for a, b in combinations(several, 2)]
    assert commonality(times, len(several), len(several[0])) == pytest.approx(np.mean(shared))


def test_entropy_is_one_where_places_are_spread_as_evenly_as_can_be_and_zero_where_one_has_all() -> None:
    assert entropy(np.array([2, 2, 2])) == pytest.approx(1)
    assert entropy(np.array([1, 1, 0, 0, 0])) == pytest.approx(1)
    assert entropy(np.array([5, 0, 0])) == 0
    assert entropy(np.array([3, 1])) == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))
    assert math.isnan(entropy(np.array([0, 0])))


@pytest.fixture(scope="module")
def split() -> Split:
    """Thirty compounds, eight diseases, forty genes; the last disease stands in no triple."""
    random = np.random.default_rng(0)
    types = (EntityType("Compound", 0, 30), EntityType("Disease", 30, 38), EntityType("Gene", 38, 78))
    edges = (Metaedge("CbG", "Compound", "binds", "Gene"), Metaedge("CtD", "Compound", "treats", "Disease"))
    pool = [(c, 0, g) for c in range(30) for g in range(38, 78) if random.random() < c / 60]
    pool += [(c, 1, d) for c in range(30) for d in range(30, 37) if random.random() < 0.3]
    graph = KnowledgeGraph(Vocabulary(f"e{i}" for i in range(78)), types, edges, np.array(pool), ("CtD",))
    part = random.permutation(len(pool)) % 5
    treats = graph.triples[:, 1] == 1
    return Split(graph, graph.triples[~treats | (part > 1)], graph.triples[treats & (part == 0)],
                 graph.triples[treats & (part == 1)])  # fmt: skip


def create(split: Split, seed: int = 0) -> TableModel:
    return TableModel.create("distmult", len(split.graph.entities), split.graph.relations, 8, seed)


@pytest.mark.parametrize("block", [1, 8_000_000])
def test_popularity_is_that_of_the_answers_for_each_disease(
    split: Split, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgdrug.evaluation.pairs.BLOCK", block)
    model, pairs = create(split), Pairs.of(split.graph)
    known = {(h, t) for part in (split.train, split.valid) for h, r, t in part.tolist() if r == 1}
    degree, treats = (
        Counter(split.train[:, [0, 2]].ravel().tolist()),
        Counter(h for h, r, _ in split.train.tolist() if r == 1),
    )
    tops, correlations = [], []
    for disease in range(30, 37):
        scores = model.scores(torch.tensor([[disease, 3]]), slice(0, 30))[0].tolist()
        new = [c for c in range(30) if (c, disease) not in known]
        tops.append(sorted(new, key=lambda c: -scores[c])[:10])
        correlations.append([spearmanr(scores, [count[c] for c in range(30)]).statistic for count in (degree, treats)])
    overlap = np.mean([len({*a} & {*b}) / 10 for a, b in combinations(tops, 2)])
    share = np.array([*Counter(np.ravel(tops).tolist()).values()]) / 70
    expected = (overlap, -(share * np.log(share)).sum() / math.log(30), *np.mean(correlations, 0))
    assert popularity(model, split, pairs) == pytest.approx(dict(zip(NAMES, expected, strict=True)))


def test_who_ranks_by_degree_alone_gives_every_disease_the_same(split: Split) -> None:
    pairs, n, m = Pairs.of(split.graph), len(split.graph.entities), split.graph.relations
    found = {name: popularity(model, split, pairs) for name, model in baselines(split.train, n, m).items()}
    assert found["degree_product"]["score_and_degree"] == pytest.approx(1)
    assert found["degree"]["score_and_treatments"] == pytest.approx(1)
    assert found["degree"]["commonality_at_10"] > found["random"]["commonality_at_10"] + 0.1
    assert found["degree"]["entropy_at_10"] < found["random"]["entropy_at_10"]


def test_corrected_scores_are_what_a_fit_on_degree_leaves(split: Split) -> None:
    model = create(split)
    queries = torch.tensor([[30, 3], [33, 3], [2, 1], [5, 0]])
    corrected = DegreeCorrected(model, split)
    total = np.bincount(split.train[:, [0, 2]].ravel(), minlength=78)
    for head, relation in queries.tolist():
        answers = split.graph.answers(relation)
        span = slice(answers.start, answers.stop)
        both = [(h, r, t) for h, r, t in split.train.tolist()] + [(t, r + 2, h) for h, r, t in split.train.tolist()]
        own = np.bincount([t for _, r, t in both if r == relation], minlength=78)
        design = np.stack([np.ones(len(answers)), np.log1p(total[span]), np.log1p(own[span])], 1)
        scores = model.scores(torch.tensor([[head, relation]]), span)[0].numpy()
        left = scores - design @ np.linalg.lstsq(design, scores, rcond=None)[0]
        query = torch.tensor([[head, relation]])
        assert corrected.scores(query, span)[0].numpy() == pytest.approx(left, abs=1e-5)
        some = torch.tensor([answers.start + 3, answers.start])
        assert corrected.scores(query, some)[0].numpy() == pytest.approx(left[[3, 0]], abs=1e-5)
        part = slice(answers.start + 1, answers.start + 4)
        assert corrected.scores(query, part)[0].numpy() == pytest.approx(left[1:4], abs=1e-5)


def test_a_batch_of_several_relations_is_corrected_query_by_query(split: Split) -> None:
    corrected, queries = DegreeCorrected(create(split), split), torch.tensor([[30, 3], [2, 1], [33, 3]])
    every = slice(0, 78)
    whole = corrected.scores(queries, every)
    for query, row in zip(queries, whole, strict=True):
        assert torch.allclose(corrected.scores(query[None], every)[0], row, atol=1e-6)


def test_a_corrected_model_owes_nothing_to_degree(split: Split) -> None:
    degree = torch.from_numpy(np.bincount(split.train[:, [0, 2]].ravel(), minlength=78)).float()
    else_ = torch.randn(78, 78, generator=torch.Generator().manual_seed(0))

    class Popular:
        """The degree, and little else."""

        def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
            return degree.log1p()[candidates] + 0.1 * else_[queries[:, 0]][:, candidates]

    pairs = Pairs.of(split.graph)
    before = popularity(Popular(), split, pairs)
    after = popularity(DegreeCorrected(Popular(), split), split, pairs)
    assert before["score_and_degree"] > 0.9
    assert abs(after["score_and_degree"]) < 0.25
    assert after["commonality_at_10"] < before["commonality_at_10"]


def test_the_members_of_a_model_are_corrected_one_by_one(split: Split) -> None:
    class Two:
        members = [create(split, 0), create(split, 1)]  # noqa: RUF012

        def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
            return self.members[0].scores(queries, candidates) + self.members[1].scores(queries, candidates)

    corrected = DegreeCorrected(Two(), split)
    assert len(corrected.members) == 2
    assert evaluate(corrected, split)["pairs"]["auroc"] != evaluate(Two(), split)["pairs"]["auroc"]


def test_an_ensemble_is_corrected_member_by_member_before_it_votes(split: Split) -> None:
    members = [create(split, 0), create(split, 1)]
    ensemble = TrainedModel(members, split, Experiment(), weights=(1, 3))
    queries, span = torch.tensor([[30, 3], [33, 3]]), slice(0, COMPOUNDS)
    each = [DegreeCorrected(member, split).scores(queries, span) for member in members]
    assert torch.equal(DegreeCorrected(ensemble, split).scores(queries, span), mean_rank_scores(each, (1, 3)))
