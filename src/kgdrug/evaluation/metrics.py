"""Ranks to numbers. Every metric is the mean over queries; its interval is of the bootstrap over test triples.

Sources: Bordes et al. 2013 (mean rank, Hits@k); Berrendorf et al. 2020, arXiv 2002.06914 (AMRI).
"""

from collections.abc import Callable, Sequence

import numpy as np

from kgdrug.evaluation.intervals import RESAMPLES, Float, bounds, resampled_sums
from kgdrug.evaluation.ranks import Ranks
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int

Metrics = dict[str, float]
MEANS = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank", "amri")
METRICS = (*MEANS, "queries")
INTERVALS = tuple(f"{name}_{end}" for name in MEANS for end in ("low", "high"))
DEGREES = {"0": 0, "1": 1, "2-4": 2, "5-9": 5, "10 or more": 10}  # the buckets of `metrics_by_degree`


def metrics(ranks: Ranks) -> Metrics:
    """MRR, Hits@1/3/10, mean rank and AMRI of the queries; `nan` where there are none.

    AMRI, the adjusted mean rank index, is 1 for perfect ranks, 0 for what random scores expect, and negative below:
    `1 - (mean_rank - 1) / (expected - 1)` with `expected` the mean of `(candidates + 1) / 2`.
    """
    found = _from_sums(_of_queries(ranks).sum(0)[None])[0]
    return {name: float(value) for name, value in zip(MEANS, found, strict=True)} | {"queries": len(ranks.rank)}


def measured(groups: Sequence[Ranks], resamples: int = RESAMPLES, seed: int = 0) -> list[Metrics]:
    """The metrics of each group of queries, each with `_low` and `_high`, the ends of its bootstrap interval.

    groups: queries about the same triples. A resample draws as many triples as the groups hold, with all their queries,
    the same for every group: intervals of several models in one call are of the same draws.
    """
    triples = np.unique(np.concatenate([group.triple for group in groups]))
    of_triples = [_summed(np.searchsorted(triples, group.triple), len(triples), group) for group in groups]
    sums = resampled_sums(np.concatenate(of_triples, 1), resamples, seed)
    found = []
    for group, of_group in zip(groups, np.split(sums, len(groups), 1), strict=True):
        units = len(np.unique(group.triple))
        ends = [bounds(column, units) for column in _from_sums(of_group).T]
        found.append(metrics(group) | dict(zip(INTERVALS, np.ravel(ends).tolist(), strict=True)))
    return found


def metrics_by_side(ranks: Ranks) -> dict[str, Metrics]:
    """Metrics of all queries (`both`), of those that ask for the `head`, and of those that ask for the `tail`."""
    return {side: metrics(part) for side, part in by_side(ranks).items()}


def by_side(ranks: Ranks) -> dict[str, Ranks]:
    return {"both": ranks, "head": ranks[ranks.head_side], "tail": ranks[~ranks.head_side]}


def metrics_by_metaedge(
    ranks: Ranks, graph: KnowledgeGraph, measure: Callable[[Ranks], Metrics] = metrics
) -> dict[str, Metrics]:
    """Metrics of both sides for each metaedge that is asked for, by abbreviation."""
    return {
        graph.metaedges[r].abbreviation: measure(ranks[ranks.relation == r])
        for r in sorted(set(ranks.relation.tolist()))
    }


def metrics_by_degree(ranks: Ranks, degree: Int, measure: Callable[[Ranks], Metrics] = metrics) -> dict[str, Metrics]:
    """Metrics of the queries whose answer has so many training triples that answer the same relation.

    degree: `(q,)` that number for each query; the buckets are those of `DEGREES` that hold a query.
    """
    bucket = np.searchsorted(list(DEGREES.values()), degree, "right") - 1
    return {name: measure(ranks[bucket == i]) for i, name in enumerate(DEGREES) if (bucket == i).any()}


def macro_over(group: Int, ranks: Ranks, resamples: int = RESAMPLES, seed: int = 0) -> Metrics:
    """The mean over groups of the groups' own metrics, each with `_low` and `_high` of a bootstrap over groups.

    group: `(q,)` of each query, such as the disease that it asks about: in a macro mean a disease with one treatment
    counts as much as one with fifty. `groups` is how many there are.
    """
    names, row = np.unique(group, return_inverse=True)
    each = _from_sums(_summed(row, len(names), ranks))
    found: Metrics = {"groups": len(names), "queries": len(ranks.rank)}
    found |= means_over(dict(zip(MEANS, each.T, strict=True)), resamples, seed)
    return found


def means_over(values: dict[str, Float], resamples: int = RESAMPLES, seed: int = 0) -> Metrics:
    """The mean over units of each of the values `(units,)`, without those that are nan, with `_low` and `_high`."""
    units = len(next(iter(values.values())))
    if not units:
        return {key: np.nan for name in values for key in (name, f"{name}_low", f"{name}_high")}
    table = np.stack(list(values.values()), 1)
    there = ~np.isnan(table)
    both = np.concatenate([np.where(there, table, 0), there], 1).astype(np.float64)
    resampled, whole = resampled_sums(both, resamples, seed), both.sum(0)
    found: Metrics = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, name in enumerate(values):
            low, high = bounds(resampled[:, i] / resampled[:, i + len(values)], int(whole[i + len(values)]))
            found |= {name: float(whole[i] / whole[i + len(values)]), f"{name}_low": low, f"{name}_high": high}
    return found


def _summed(row: Int, rows: int, ranks: Ranks) -> Float:
    """`_of_queries` summed by row `(q,)`; `(rows, 7)`."""
    values = _of_queries(ranks)
    return np.stack([np.bincount(row, column, rows) for column in values.T], 1)


def _of_queries(ranks: Ranks) -> Float:
    """What is summed over queries, `(q, 7)`: 1 / rank, three hits, the rank, the rank expected by chance, and 1."""
    rank = ranks.rank
    hits = [(rank <= k).astype(np.float64) for k in (1, 3, 10)]
    return np.stack([1 / rank, *hits, rank, (ranks.candidates + 1) / 2, np.ones(len(rank))], 1)


def _from_sums(sums: Float) -> Float:
    """The metrics `MEANS`, `(r, 6)`, of such sums over sets of queries, `(r, 7)`; `nan` of no queries."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[:, :6] / sums[:, 6:]
        amri = np.where(means[:, 5] > 1, 1 - (means[:, 4] - 1) / (means[:, 5] - 1), np.nan)
    found: Float = np.concatenate([means[:, :5], amri[:, None]], 1)
    return found
