"""How good is a model? Ranks of held-out answers, metrics with intervals, and baselines beside them."""

from kgdrug.evaluation.baselines import baselines
from kgdrug.evaluation.calibration import calibrate, fit_calibration, reliability
from kgdrug.evaluation.compare import compare, sign_flip
from kgdrug.evaluation.folds import evaluate_folds, repeats_of
from kgdrug.evaluation.intervals import over_folds
from kgdrug.evaluation.metrics import (
    INTERVALS,
    METRICS,
    Metrics,
    macro_over,
    measured,
    metrics,
    metrics_by_degree,
    metrics_by_metaedge,
    metrics_by_side,
)
from kgdrug.evaluation.pairs import Asked, Pairs, PairScores, matched_negatives, rank_pairs
from kgdrug.evaluation.popularity import DegreeCorrected, popularity
from kgdrug.evaluation.ranks import Ranks, filtered_ranks, rank_triples
from kgdrug.evaluation.report import evaluate, evaluate_pairs, on_test
from kgdrug.evaluation.screening import judge, pair_metrics
from kgdrug.models.calibration import Calibration

__all__ = [
    "INTERVALS",
    "METRICS",
    "Asked",
    "Calibration",
    "DegreeCorrected",
    "Metrics",
    "PairScores",
    "Pairs",
    "Ranks",
    "baselines",
    "calibrate",
    "compare",
    "evaluate",
    "evaluate_folds",
    "evaluate_pairs",
    "filtered_ranks",
    "fit_calibration",
    "judge",
    "macro_over",
    "matched_negatives",
    "measured",
    "metrics",
    "metrics_by_degree",
    "metrics_by_metaedge",
    "metrics_by_side",
    "on_test",
    "over_folds",
    "pair_metrics",
    "popularity",
    "rank_pairs",
    "rank_triples",
    "reliability",
    "repeats_of",
    "sign_flip",
]
