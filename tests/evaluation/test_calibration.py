"""Curves from scores to probabilities, and what is said of them, against counts by hand."""

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from kgdrug.errors import UsageError
from kgdrug.evaluation import Calibration, calibrate, fit_calibration, reliability
from kgdrug.evaluation.calibration import KINDS, wilson
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import Candidates
from kgdrug.splits import Split


def drawn(seed: int, pairs: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels that are true with probability 1 / (1 + exp(3 - 2 score))."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=pairs)
    return scores, random.random(pairs) < 1 / (1 + np.exp(3 - 2 * scores))


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_learns_the_probability_that_labels_were_drawn_with(kind: str) -> None:
    curve = fit_calibration(*drawn(0), kind)
    scores, labels = drawn(1)
    assert curve(scores) == pytest.approx(1 / (1 + np.exp(3 - 2 * scores)), abs=0.15)
    report = reliability(curve(scores), labels)
    assert report["ece"] < 0.01
    assert report["brier"] < report["brier_of_share"]
    assert curve.share == pytest.approx(drawn(0)[1].mean())


def test_platts_curve_has_the_true_slope_and_intercept() -> None:
    curve = fit_calibration(*drawn(0, 100_000), "platt")
    assert (curve.slope, curve.intercept) == pytest.approx((2, -3), abs=0.08)


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_never_falls_and_stays_between_zero_and_one(kind: str) -> None:
    values = fit_calibration(*drawn(3, 500), kind)(np.linspace(-1e6, 1e6, 4001))
    assert (np.diff(values) >= 0).all()
    assert values.min() >= 0
    assert values.max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_is_numbers_and_comes_back_from_json(kind: str) -> None:
    curve = fit_calibration(*drawn(0, 300), kind)
    assert Calibration.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


def test_labels_of_one_kind_and_unknown_curves_are_refused() -> None:
    with pytest.raises(UsageError, match="pairs that are treatments and pairs that are not"):
        fit_calibration(np.arange(4.0), np.ones(4, bool))
    with pytest.raises(UsageError, match="'spline'; known are platt and isotonic"):
        fit_calibration(np.arange(4.0), np.arange(4) > 2, "spline")  # type: ignore[arg-type]


def test_reliability_worked_by_hand() -> None:
    probabilities = np.array([0.9, 0.1, 0.2, 0.7, 0.0, 0.5])
    labels = np.array([True, False, True, False, False, True])
    report = reliability(probabilities, labels, bins=3)
    # ascending: 0.0 0.1 | 0.2 0.5 | 0.7 0.9
    assert [(b["pairs"], b["positives"], b["predicted"], b["observed"]) for b in report["bins"]] == [
        (2, 0, pytest.approx(0.05), 0.0), (2, 2, pytest.approx(0.35), 1.0), (2, 1, pytest.approx(0.8), 0.5),
    ]  # fmt: skip
    assert report["ece"] == pytest.approx((0.05 + 0.65 + 0.3) / 3)
    assert report["brier"] == pytest.approx((0.01 + 0.01 + 0.64 + 0.49 + 0 + 0.25) / 6)
    assert report["brier_of_share"] == 0.25


def test_fewer_pairs_than_bins_make_fewer_bins() -> None:
    assert len(reliability(np.array([0.2, 0.4]), np.array([True, False]))["bins"]) == 2


# Newcombe 1998, table I, Wilson's method
@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]
)
def test_the_interval_of_a_share_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=1e-4)


class Hint:
    """Scores that are higher where the graph holds the treatment."""

    def __init__(self, graph: KnowledgeGraph, strength: float) -> None:
        self.table = torch.randn(90, 90, generator=torch.Generator().manual_seed(0))
        for h, _, t in graph.triples.tolist():
            self.table[h, t] += strength
            self.table[t, h] += strength

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        return self.table[queries[:, 0]][:, candidates].clone()


@pytest.fixture(scope="module")
def split() -> Split:
    random = np.random.default_rng(0)
    facts = np.array([(c, 0, d) for d in range(60, 90) for c in range(60) if random.random() < 0.1])
    facts = facts[np.lexsort((facts[:, 2], facts[:, 0]))]
    types = (EntityType("Compound", 0, 60), EntityType("Disease", 60, 90))
    edges = (Metaedge("CtD", "Compound", "treats", "Disease"),)
    graph = KnowledgeGraph(Vocabulary(f"e{i}" for i in range(90)), types, edges, facts, ("CtD",))
    part = random.permutation(len(facts)) % 3
    return Split(graph, graph.triples[part == 0], graph.triples[part == 1], graph.triples[part == 2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_calibrated_on_valid_and_judged_on_test(split: Split, kind: str) -> None:
    curve, report = calibrate(Hint(split.graph, 2), split, kind, each=8)
    assert report["negatives_each"] == 8
    assert curve.share == report["share"] == pytest.approx(1 / 9)
    assert report["fitted_on"] == {"positives": len(split.valid), "negatives": 8 * len(split.valid)}
    assert report["judged_on"] == {"positives": len(split.test), "negatives": 8 * len(split.test)}
    assert sum(b["positives"] for b in report["bins"]) == len(split.test)
    assert report["ece"] < 0.08
    assert report["brier"] < report["brier_of_share"]
    assert report == calibrate(Hint(split.graph, 2), split, kind, each=8)[1]


def test_a_model_that_knows_nothing_predicts_the_share_alone(split: Split) -> None:
    curve, _ = calibrate(Hint(split.graph, 0), split, each=8)
    assert curve(np.array([-1.0, 0.0, 1.0])) == pytest.approx(1 / 9, abs=0.03)


def test_a_curve_never_falls_even_where_treatments_score_lower() -> None:
    scores, positive = np.linspace(-1, 1, 200), np.arange(200) < 20
    curve = fit_calibration(scores, positive)
    assert curve(np.array([-1.0, 1.0])) == pytest.approx([0.1, 0.1])


def test_no_pair_is_used_twice_where_there_are_few(split: Split) -> None:
    report = calibrate(Hint(split.graph, 2), split, each=10_000)[1]
    unknown = 60 * 30 - len(split.graph.triples)
    used = report["fitted_on"]["negatives"] + report["judged_on"]["negatives"]
    assert 0 < used <= unknown < used + len(split.valid) + len(split.test)


def test_a_split_without_valid_treatments_cannot_be_calibrated(split: Split) -> None:
    bare = Split(split.graph, split.train, split.valid[:0], split.test)
    with pytest.raises(UsageError, match="valid part holds no treatment"):
        calibrate(Hint(split.graph, 2), bare)
