"""How good is a model? Ranks of held-out answers, metrics of ranks, and baselines beside them."""

from kgdrug.evaluation.baselines import baselines
from kgdrug.evaluation.metrics import METRICS, Metrics, metrics, metrics_by_metaedge, metrics_by_side
from kgdrug.evaluation.ranks import Ranks, filtered_ranks, rank_triples
from kgdrug.evaluation.report import evaluate, on_test

__all__ = [
    "METRICS",
    "Metrics",
    "Ranks",
    "baselines",
    "evaluate",
    "filtered_ranks",
    "metrics",
    "metrics_by_metaedge",
    "metrics_by_side",
    "on_test",
    "rank_triples",
]
