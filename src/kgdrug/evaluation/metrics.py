"""Ranks to numbers. Every metric is the mean over queries."""

import numpy as np

from kgdrug.evaluation.ranks import Ranks
from kgdrug.graph import KnowledgeGraph

Metrics = dict[str, float]
METRICS = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank", "amri", "queries")


def metrics(ranks: Ranks) -> Metrics:
    """MRR, Hits@1/3/10, mean rank and AMRI of the queries; `nan` where there are none.

    AMRI, the adjusted mean rank index, is 1 for perfect ranks, 0 for what random scores expect, and negative below:
    `1 - (mean_rank - 1) / (expected - 1)` with `expected` the mean of `(candidates + 1) / 2`.
    """
    rank = ranks.rank
    if not len(rank):
        return {name: float("nan") for name in METRICS} | {"queries": 0}
    expected = float(np.mean((ranks.candidates + 1) / 2))
    mean_rank = float(rank.mean())
    return {
        "mrr": float((1 / rank).mean()),
        "hits_at_1": float((rank <= 1).mean()),
        "hits_at_3": float((rank <= 3).mean()),
        "hits_at_10": float((rank <= 10).mean()),
        "mean_rank": mean_rank,
        "amri": 1 - (mean_rank - 1) / (expected - 1) if expected > 1 else float("nan"),
        "queries": len(rank),
    }


def metrics_by_side(ranks: Ranks) -> dict[str, Metrics]:
    """Metrics of all queries (`both`), of those that ask for the `head`, and of those that ask for the `tail`."""
    return {"both": metrics(ranks), "head": metrics(ranks[ranks.head_side]), "tail": metrics(ranks[~ranks.head_side])}


def metrics_by_metaedge(ranks: Ranks, graph: KnowledgeGraph) -> dict[str, Metrics]:
    """Metrics of both sides for each metaedge that is asked for, by abbreviation."""
    return {
        graph.metaedges[r].abbreviation: metrics(ranks[ranks.relation == r])
        for r in sorted(set(ranks.relation.tolist()))
    }
