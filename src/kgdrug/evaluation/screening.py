"""Ranks of treated pairs to numbers: AUROC, AUPRC, recall and enrichment, over all pairs and a mean over diseases.

Sources: Mann and Whitney 1947 (AUROC); Davis and Goadrich 2006 and scikit-learn's `average_precision_score` (AUPRC as
average precision, ties as one step); Truchon and Bayly 2007 (enrichment factor). Intervals are of the bootstrap over
diseases with all their positives: the pairs of a disease are no independent trials. The negatives are all there are,
not a sample, so they are not drawn again.
"""

from typing import Any

import numpy as np

from kgdrug.evaluation.baselines import Degree, total_degree
from kgdrug.evaluation.intervals import RESAMPLES, Float, bounds, draws, resampled_sums
from kgdrug.evaluation.metrics import means_over
from kgdrug.evaluation.pairs import Asked, PairRanks, PairScores, Scores, matched_negatives, rank_pairs
from kgdrug.graph.known import Int
from kgdrug.models import Model

RECALL_AT, RECALL_OF_DISEASE_AT = (100, 1000), (10, 50, 100)
ENRICHMENT_AT = {"1pct": 0.01, "5pct": 0.05}  # of the list
FIRST = ("auroc", "auprc", "auroc_within_disease", "auroc_within_compound", "auroc_matched", "auprc_matched")
_AT_ONCE = 4_000_000  # numbers of a block of resamples
Metrics = dict[str, float]


def judge(models: dict[str, Model], asked: Asked, train: Int, resamples: int = RESAMPLES) -> list[dict[str, Any]]:
    """What `pair_metrics` says of each model, all against the same negatives."""
    graph, compounds = asked.pairs.graph, asked.pairs.compounds
    span = slice(compounds.start, compounds.stop)
    degree = Degree(train, len(graph.entities), graph.relations)
    treats = sum(degree.count(r)[span].numpy().astype(np.int64) for r in asked.pairs.asking)
    matched = matched_negatives(asked, [np.asarray(treats), total_degree(train, len(graph.entities))[span]])
    found = []
    for model in models.values():
        scores = PairScores(model, asked.pairs)
        found.append(pair_metrics(rank_pairs(scores, asked), asked, scores.pick(matched[0]), matched[1], resamples))
    return found


def pair_metrics(
    ranks: PairRanks, asked: Asked, matched: Scores, owner: Int, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """All metrics of one model, each with `_low` and `_high`, the ends of its bootstrap interval.

    auroc, auprc: against all negatives; auroc_within_disease, auroc_within_compound: against those of the positive's
    disease, or compound, alone; auroc_matched, auprc_matched: against the matched negatives, of scores `matched` `(k,)`
    and of the positives `owner` `(k,)`; recall_at_k, enrichment_1pct: the positives among the first of the list of all
    pairs; macro_…: the mean over diseases of each disease's own; by_disease: those, by id.
    """
    diseases, group = np.unique(asked.row, return_inverse=True)
    size, whole = asked_size(ranks), ranks.negatives.with_others(ranks.positives)
    among = np.bincount(owner, minlength=len(group))
    won = np.bincount(owner, (matched < ranks.score[owner]) + (matched == ranks.score[owner]) / 2, len(group))
    with np.errstate(invalid="ignore"):
        of_positive = {
            "auroc": ranks.negatives.beaten,
            "auroc_within_disease": ranks.of_disease.beaten,
            "auroc_within_compound": ranks.of_compound.beaten,
            "auroc_matched": won / among,
            **{f"recall_at_{k}": (whole.rank <= k).astype(np.float64) for k in RECALL_AT},
            **{f"enrichment_{name}": _enrichment(whole.rank, size, x) for name, x in ENRICHMENT_AT.items()},
        }
    found: dict[str, Any] = _means(of_positive, group, len(diseases), resamples)
    own = ranks.score, group, len(diseases)
    ends = _precision_on_average(*own, ranks.negatives.not_lower, None, resamples)
    found |= dict(zip(_keys("auprc"), ends, strict=True))
    ends = _precision_on_average(*own, np.zeros(len(group), np.int64), (matched, group[owner]), resamples)
    found |= dict(zip(_keys("auprc_matched"), ends, strict=True))
    found = {key: found[key] for name in FIRST for key in _keys(name)} | found
    of_disease = _of_diseases(ranks, group, len(diseases))
    found |= means_over({f"macro_{name}": values for name, values in of_disease.items()}, resamples)
    ids, start = asked.pairs.graph.entities.ids, asked.pairs.diseases.start
    counts = np.bincount(group, minlength=len(diseases))
    return found | {
        "by_disease": {
            ids[start + row]: {"positives": int(counts[i])}
            | {name: float(values[i]) for name, values in of_disease.items()}
            for i, row in enumerate(diseases.tolist())
        }
    }


def asked_size(ranks: PairRanks) -> Int:
    """The length of the list that holds each positive: all negatives and positives; `(p,)`."""
    return ranks.negatives.pool + ranks.positives.pool + 1


def _enrichment(rank: Float, size: Int, share: float) -> Float:
    """1 / share where the rank is within that share of the list, but at least its first place; else 0."""
    places = np.maximum(1, np.round(share * size))
    return (rank <= places) * size / places


def _of_diseases(ranks: PairRanks, group: Int, diseases: int) -> dict[str, Float]:
    """Each disease's own metrics, `(diseases,)` each; nan where it has no negative."""
    same, against = ranks.positives_of_disease, ranks.of_disease
    listed = against.with_others(same)
    at_least = same.not_lower + 1
    values = {
        "auroc": against.beaten,
        "auprc": at_least / (at_least + against.not_lower),
        **{f"recall_at_{k}": (listed.rank <= k).astype(np.float64) for k in RECALL_OF_DISEASE_AT},
        **{f"enrichment_{name}": _enrichment(listed.rank, listed.pool + 1, x) for name, x in ENRICHMENT_AT.items()},
    }
    counts = np.bincount(group, minlength=diseases)
    nothing = np.bincount(group, against.pool, diseases) == 0
    return {k: np.where(nothing, np.nan, np.bincount(group, v, diseases) / counts) for k, v in values.items()}


def _means(values: dict[str, Float], group: Int, groups: int, resamples: int) -> Metrics:
    """The mean over positives of each of the values `(p,)`, with the ends of the bootstrap over groups."""
    table = np.stack(list(values.values()), 1)
    both = np.concatenate([np.nan_to_num(table), ~np.isnan(table)], 1).astype(np.float64)
    sums: Float = np.stack([np.bincount(group, column, groups) for column in both.T], 1)
    found: Metrics = {}
    resampled = resampled_sums(sums, resamples)
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, name in enumerate(values):
            total, count = sums[:, i].sum(), sums[:, i + len(values)].sum()
            ends = bounds(resampled[:, i] / resampled[:, i + len(values)], groups)
            found |= dict(zip(_keys(name), (float(total / count), *ends), strict=True))
    return found


def _keys(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _precision_on_average(
    score: Scores, group: Int, groups: int, false: Int, matched: tuple[Scores, Int] | None, resamples: int
) -> tuple[float, float, float]:
    """Average precision of positives `(p,)`, and the ends of its bootstrap interval. A tie is one step.

    false: `(p,)` negatives that score at least as high, whatever is drawn; matched: scores `(k,)` of negatives that are
    drawn with their group, and the group of each. The pairs of one group that is drawn twice are no evidence for each
    other: at a positive, those of its own group count once.
    """
    if matched is not None and not len(matched[0]):
        return np.nan, np.nan, np.nan
    weights = np.concatenate([np.ones((1, groups)), *draws(groups, resamples)])
    total, step = np.zeros(len(weights)), max(1, _AT_ONCE // len(weights))
    for start in range(0, len(score), step):
        part = slice(start, start + step)
        of, own = group[part], np.arange(len(group[part]))
        again = weights[:, of] - 1

        def drawn(counts: Float, of: Int = of, own: Int = own, again: Float = again) -> Float:
            found: Float = weights @ counts.T - again * counts[own, of]
            return found

        hits = drawn(_not_lower(score, group, score[part], groups))
        misses = false[part] + (0 if matched is None else drawn(_not_lower(*matched, score[part], groups)))
        total += ((again + 1) * hits / (hits + misses)).sum(1)
    precision = total / (weights @ np.bincount(group, minlength=groups))
    return float(precision[0]), *bounds(precision[1:], groups)


def _not_lower(score: Scores, group: Int, than: Scores, groups: int) -> Float:
    """How many scores of each group are at least as high as each of `than` `(c,)`; `(c, groups)`."""
    order = np.lexsort((score, group))
    parts = np.split(score[order], np.cumsum(np.bincount(group, minlength=groups))[:-1])
    return np.stack([len(part) - np.searchsorted(part, than, "left") for part in parts], 1).astype(np.float64)
