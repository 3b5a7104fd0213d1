"""Pairs told apart, against counts over Python lists and against scikit-learn."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from kgdrug.errors import KgdrugError, UsageError
from kgdrug.evaluation import Asked, Pairs, PairScores, matched_negatives, pair_metrics, rank_pairs, screening
from kgdrug.evaluation import pairs as module
from kgdrug.evaluation.intervals import draws
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import Candidates

COMPOUNDS, DISEASES = 9, 6


def make_graph(treats: tuple[str, ...] = ("CtD",), triples: list[tuple[int, int, int]] | None = None) -> KnowledgeGraph:
    """Nine compounds, six diseases, three genes; metaedges CbG, CmD, CtD."""
    types = (EntityType("Compound", 0, 9), EntityType("Disease", 9, 15), EntityType("Gene", 15, 18))
    edges = (
        Metaedge("CbG", "Compound", "binds", "Gene"),
        Metaedge("CmD", "Compound", "mends", "Disease"),
        Metaedge("CtD", "Compound", "treats", "Disease"),
    )
    facts = np.array(triples or [(0, 2, 9), (1, 2, 10)], np.int64)
    return KnowledgeGraph(Vocabulary(f"e{i}" for i in range(18)), types, edges, facts, treats)


class Table:
    """Scores from a table; relation `r + 3` is the reciprocal."""

    def __init__(self, seed: int) -> None:
        self.table = torch.randn(18, 6, 18, generator=torch.Generator().manual_seed(seed))

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        return self.table[queries[:, 0], queries[:, 1]][:, candidates]


class Several:
    weights: tuple[int, ...] = ()

    def __init__(self, members: list[Table]) -> None:
        self.members = members

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        raise AssertionError("the members are asked one by one")


def test_members_count_by_their_weights() -> None:
    members, graph = [Table(1), Table(2)], make_graph()
    several = Several(members)
    several.weights = (3, 1)
    one, other = (whole(PairScores(member, Pairs.of(graph))) for member in members)
    assert whole(PairScores(several, Pairs.of(graph))) == pytest.approx((3 * one + other) / 4, abs=1e-5)


def whole(scores: PairScores) -> np.ndarray:
    return np.concatenate([block for _, block in scores.blocks()])


def slow_scores(members: list[Table], relations: list[int]) -> np.ndarray:
    """Rows diseases, columns compounds."""
    total = np.zeros((DISEASES, COMPOUNDS))
    for member in members:
        best = np.full((DISEASES, COMPOUNDS), -np.inf)
        for r in relations:
            both = np.empty((2, DISEASES, COMPOUNDS))
            for d, c in product(range(DISEASES), range(COMPOUNDS)):
                both[:, d, c] = float(member.table[c, r, 9 + d]), float(member.table[9 + d, r + 3, c])
            best = np.maximum(best, sum((x - x.mean()) / x.std() for x in both) / 2)
        total += best / len(members)
    return total


@pytest.mark.parametrize(("block", "held"), [(1, 100), (20, 100), (20, 10), (8_000_000, 10), (8_000_000, 100)])
@pytest.mark.parametrize(("count", "treats"), [(1, ("CtD",)), (3, ("CmD", "CtD"))])
def test_a_pairs_score_is_the_mean_of_both_directions_on_one_scale(
    block: int, held: int, count: int, treats: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "HELD", held)
    members, graph = [Table(seed) for seed in range(count)], make_graph(treats)
    scores = PairScores(Several(members) if count > 1 else members[0], Pairs.of(graph))
    expected = slow_scores(members, graph.treatment_relations)
    assert whole(scores) == pytest.approx(expected, abs=1e-5)
    keys = np.array([0, 53, 17, 17])
    assert scores.pick(keys) == pytest.approx(expected.ravel()[keys], abs=1e-5)


def test_a_scale_of_its_own_changes_nothing() -> None:
    model, pairs = Table(0), Pairs.of(make_graph())
    before = whole(PairScores(model, pairs))
    model.table[:, 5] = 1000 * model.table[:, 5] + 7
    assert whole(PairScores(model, pairs)) == pytest.approx(before, abs=1e-4)


def test_scores_that_never_differ_are_all_zero() -> None:
    model = Table(0)
    model.table[:] = 3
    assert (whole(PairScores(model, Pairs.of(make_graph()))) == 0).all()


def test_one_score_that_is_no_number_is_an_error() -> None:
    model = Table(0)
    model.table[11, 5, 4] = math.nan
    with pytest.raises(KgdrugError, match="NaN"):
        whole(PairScores(model, Pairs.of(make_graph())))


def test_pairs_are_those_that_most_treatments_join() -> None:
    pairs = Pairs.of(make_graph(("CbG", "CmD", "CtD"), [(3, 0, 15), (2, 1, 12), (0, 2, 9)]))
    assert [pairs.graph.metaedges[r].abbreviation for r in pairs.relations] == ["CmD", "CtD"]
    assert pairs.shape == (DISEASES, COMPOUNDS)
    keys = pairs.of_triples(np.array([(8, 2, 9), (0, 1, 10), (0, 2, 10), (3, 0, 15)]))
    assert keys.tolist() == [8, 9]
    assert pairs.labels(keys) == ["e8 e9", "e0 e10"]
    with pytest.raises(UsageError, match="names no treatment relation"):
        Pairs.of(make_graph(()))


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, list[int], list[int], list[int] | None, int]:
    """Scores with ties, positives, what is left out, a universe or none, rows a block."""
    size = COMPOUNDS * DISEASES
    levels = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    key = st.integers(0, size - 1)
    positives = draw(st.sets(key, min_size=1, max_size=20))
    left_out = draw(st.sets(key, max_size=15))
    universe = draw(st.none() | st.sets(key, min_size=5))
    block = draw(st.sampled_from([1, 2 * COMPOUNDS, 10_000]))
    scores = np.array(levels, np.float32).reshape(DISEASES, COMPOUNDS)
    return (
        scores,
        sorted(positives),
        sorted(left_out - positives),
        None if universe is None else sorted(universe),
        block,
    )


class Given:
    """Scores that are there already."""

    def __init__(self, scores: np.ndarray, step: int) -> None:
        self.scores, self.step = scores, max(1, step // COMPOUNDS)

    def blocks(self):
        for first in range(0, DISEASES, self.step):
            yield first, self.scores[first : first + self.step]

    def pick(self, keys: np.ndarray) -> np.ndarray:
        return self.scores.ravel()[keys]


def ask(positives: list[int], left_out: list[int], universe: list[int] | None = None) -> Asked:
    arrays = (None if keys is None else np.array(keys, np.int64) for keys in (positives, left_out, universe))
    return Asked(Pairs.of(make_graph()), *arrays)


@settings(max_examples=120, deadline=None)
@given(cases())
def test_what_a_positive_beats_is_counted_as_by_hand(
    case: tuple[np.ndarray, list[int], list[int], list[int] | None, int],
) -> None:
    scores, positives, left_out, universe, block = case
    asked = ask(positives, left_out, universe)
    ranks = rank_pairs(Given(scores, block), asked)  # type: ignore[arg-type]
    flat = scores.ravel().tolist()
    negatives = [k for k in range(len(flat)) if k not in positives + left_out and (universe is None or k in universe)]
    for i, key in enumerate(positives):
        pools = {
            "negatives": negatives,
            "of_disease": [k for k in negatives if k // COMPOUNDS == key // COMPOUNDS],
            "of_compound": [k for k in negatives if k % COMPOUNDS == key % COMPOUNDS],
            "positives": [k for k in positives if k != key],
            "positives_of_disease": [k for k in positives if k != key and k // COMPOUNDS == key // COMPOUNDS],
        }
        for name, pool in pools.items():
            rivals = getattr(ranks, name)
            found = rivals.pool[i], rivals.higher[i], rivals.equal[i]
            assert found == (
                len(pool), sum(flat[k] > flat[key] for k in pool), sum(flat[k] == flat[key] for k in pool)
            ), name  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(cases())
def test_auroc_and_auprc_are_scikit_learns(
    case: tuple[np.ndarray, list[int], list[int], list[int] | None, int],
) -> None:
    scores, positives, left_out, universe, block = case
    asked = ask(positives, left_out, universe)
    negative = np.concatenate([asked.negatives(row, 1)[0] for row in range(DISEASES)])
    keys, owner = matched_negatives(asked, [np.arange(COMPOUNDS)], each=2)
    found = pair_metrics(
        rank_pairs(Given(scores, block), asked), asked, scores.ravel()[keys], owner, resamples=20  # type: ignore[arg-type]
    )  # fmt: skip
    if not negative.any():
        assert math.isnan(found["auroc"])
        return
    truth = np.zeros(scores.size)
    truth[positives] = 1
    listed = negative | (truth > 0)
    assert found["auroc"] == pytest.approx(roc_auc_score(truth[listed], scores.ravel()[listed]))
    assert found["auprc"] == pytest.approx(average_precision_score(truth[listed], scores.ravel()[listed]))
    if len(keys):
        truth = np.repeat([1, 0], [len(positives), len(keys)])
        both = np.concatenate([scores.ravel()[positives], scores.ravel()[keys]])
        assert found["auprc_matched"] == pytest.approx(average_precision_score(truth, both))
    of_diseases = []
    for row in sorted({key // COMPOUNDS for key in positives}):
        own = [key for key in positives if key // COMPOUNDS == row]
        others = np.flatnonzero(asked.negatives(row, 1)[0]) + row * COMPOUNDS
        if len(others):
            labels = np.repeat([1, 0], [len(own), len(others)])
            values = scores.ravel()[[*own, *others]]
            of_diseases.append((roc_auc_score(labels, values), average_precision_score(labels, values)))
    means = tuple(np.mean(of_diseases, 0)) if of_diseases else (math.nan, math.nan)
    assert (found["macro_auroc"], found["macro_auprc"]) == pytest.approx(means, nan_ok=True)


def judged(scores: np.ndarray, positives: list[int], **options: int) -> dict:
    asked = ask(positives, [])
    keys, owner = matched_negatives(asked, [np.arange(COMPOUNDS)], each=3)
    ranks = rank_pairs(Given(scores, 10_000), asked)  # type: ignore[arg-type]
    return pair_metrics(ranks, asked, scores.ravel()[keys], owner, **options)


def test_recall_and_enrichment_worked_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "RECALL_AT", (2, 5))
    monkeypatch.setattr(screening, "RECALL_OF_DISEASE_AT", (1,))
    monkeypatch.setattr(screening, "ENRICHMENT_AT", {"1pct": 0.01, "10pct": 0.1})
    scores = -np.arange(54, dtype=np.float32).reshape(DISEASES, COMPOUNDS)  # the list is in the order of the keys
    found = judged(scores, [0, 4, 9, 40])  # ranks 1, 5, 10 and 41 of 54; in their diseases 1, 5, 1, 5 of 9
    assert (found["recall_at_2"], found["recall_at_5"]) == (1 / 4, 2 / 4)
    assert found["enrichment_1pct"] == pytest.approx(1 / 4 * 54)  # at least the first place
    assert found["enrichment_10pct"] == pytest.approx(2 / 4 * 54 / 5)
    assert found["macro_recall_at_1"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found["macro_enrichment_10pct"] == pytest.approx((1 / 2 + 1 + 0) / 3 * 9)
    assert found["by_disease"]["e9"]["positives"] == 2
    assert found["by_disease"]["e10"] == {
        "positives": 1, "auroc": 1.0, "auprc": 1.0, "recall_at_1": 1.0, "enrichment_1pct": 9.0, "enrichment_10pct": 9.0
    }  # fmt: skip


def test_in_the_bootstrap_diseases_are_drawn_with_all_their_positives() -> None:
    scores = np.random.default_rng(0).normal(size=(DISEASES, COMPOUNDS)).astype(np.float32)
    positives = [0, 4, 7, 9, 20, 41, 42, 53]
    found = judged(scores, positives, resamples=100)
    flat = scores.ravel()
    negatives = [flat[k] for k in range(54) if k not in positives]
    beaten = {k: sum(flat[k] > n for n in negatives) / len(negatives) for k in positives}
    rows = sorted({k // COMPOUNDS for k in positives})
    aurocs, precisions = [], []
    for counts in np.concatenate(list(draws(len(rows), 100))).tolist():
        count = dict(zip(rows, counts, strict=True))
        again = [k for k in positives for _ in range(int(count[k // COMPOUNDS]))]
        aurocs.append(np.mean([beaten[k] for k in again]))
        each = []
        for k in again:  # others of the same disease count once, however often it was drawn
            hits = sum(
                1 if other // COMPOUNDS == k // COMPOUNDS else count[other // COMPOUNDS]
                for other in positives
                if flat[other] >= flat[k]
            )
            each.append(hits / (hits + sum(n >= flat[k] for n in negatives)))
        precisions.append(np.mean(each))
    for name, values in (("auroc", aurocs), ("auprc", precisions)):
        ends = found[f"{name}_low"], found[f"{name}_high"]
        assert ends == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
        assert ends[0] < found[name] < ends[1]


def test_an_interval_of_one_disease_is_none() -> None:
    found = judged(np.arange(54, dtype=np.float32).reshape(DISEASES, COMPOUNDS), [3, 5])
    assert found["auroc"] < 0.2
    assert math.isnan(found["auroc_low"])
    assert math.isnan(found["auprc_high"])


def test_matched_negatives_are_of_the_same_disease_and_the_nearest_in_degree() -> None:
    asked = ask([4, 20], [5, 6])
    treats, degree = np.array([0, 0, 0, 0, 1, 1, 2, 5, 9]), np.array([9, 1, 5, 7, 3, 4, 3, 2, 1])
    keys, owner = matched_negatives(asked, [treats, degree], each=2, nearest=2)
    first = sorted(keys[owner == 0] % COMPOUNDS)
    assert (keys[owner == 0] // COMPOUNDS == 0).all()
    assert (keys[owner == 1] // COMPOUNDS == 2).all()
    # in the order 1 2 3 0 4 5 6 7 8 those beside 4 are 0 and 5, and 5 and 6 are left out
    assert first in ([0, 3], [0, 7])
    assert first[0] == 0


def test_matched_negatives_do_not_repeat_and_are_fewer_where_there_are_fewer() -> None:
    asked = ask([0, 9], list(range(4, 9)))
    keys, owner = matched_negatives(asked, [np.arange(COMPOUNDS)], each=5)
    assert sorted(keys[owner == 0].tolist()) == [1, 2, 3]
    assert len(set(keys[owner == 1].tolist())) == 5
    again, _ = matched_negatives(asked, [np.arange(COMPOUNDS)], each=5)
    assert (keys == again).all()


def test_against_matched_negatives_degree_alone_says_little() -> None:
    """One in ten compounds of high degree is treated with: degree is far above chance but not among its like."""
    types = (EntityType("Compound", 0, 400), EntityType("Disease", 400, 410))
    graph = KnowledgeGraph(
        Vocabulary(f"e{i}" for i in range(410)), types, (Metaedge("CtD", "Compound", "treats", "Disease"),),
        np.array([[0, 0, 400]]), ("CtD",),
    )  # fmt: skip
    random = np.random.default_rng(0)
    degree = np.sort(random.integers(0, 1000, 400))
    positives = np.sort([row * 400 + c for row, c in product(range(10), range(300, 400)) if random.random() < 0.1])
    asked = Asked(Pairs.of(graph), positives, np.empty(0, np.int64))
    scores = np.tile(degree.astype(np.float32), (10, 1))

    class ByDegree:
        def blocks(self):
            yield 0, scores

        def pick(self, keys: np.ndarray) -> np.ndarray:
            return scores.ravel()[keys]

    keys, owner = matched_negatives(asked, [degree])
    found = pair_metrics(rank_pairs(ByDegree(), asked), asked, scores.ravel()[keys], owner, 50)  # type: ignore[arg-type]
    assert found["auroc"] > 0.8
    assert abs(found["auroc_matched"] - 0.5) < 0.1
