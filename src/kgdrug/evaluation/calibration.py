"""Scores to probabilities, learnt from held-out pairs and judged on others: the door to scikit-learn.

Sources: Platt 1999 (a logistic curve over scores); Zadrozny and Elkan 2002 (isotonic regression); Niculescu-Mizil and
Caruana 2005 (isotonic needs about a thousand positives, Platt's curve few); Naeini et al. 2015 (expected calibration
error); Wilson 1927 (interval of a share).

A probability is that of a pair drawn from a mixture of treatments and pairs that nobody knows of, and holds for this
mixture alone: among so many times more unknown pairs it is so many times smaller. Nor is "unknown" untrue: it is the
probability that the graph holds the pair, not that the compound works.
"""

import math
from typing import Any

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.evaluation.intervals import Float
from kgdrug.evaluation.pairs import Asked, Bool, Pairs, PairScores
from kgdrug.graph.known import Int
from kgdrug.models import Model
from kgdrug.models.calibration import KINDS, Calibration, Kind
from kgdrug.splits import Split

EACH, BINS = 100, 10  # negatives a positive; bins of as many pairs each


def fit_calibration(scores: Float, positive: Bool, kind: Kind = "platt") -> Calibration:
    """The curve that fits scores `(p,)`, and whether each is of a treatment `(p,)`, best."""
    if kind not in KINDS:
        raise UsageError(f"calibration is {kind!r}; known are {' and '.join(KINDS)}")
    share = float(positive.mean()) if len(positive) else 0.0
    if not 0 < share < 1:
        raise UsageError("a calibration needs pairs that are treatments and pairs that are not")
    if kind == "platt":
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=math.inf, max_iter=1000).fit(scores[:, None], positive)
        slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        if slope < 0:  # treatments score lower than others: the best curve that does not fall is level
            slope, intercept = 0.0, math.log(share / (1 - share))
        return Calibration(kind, share, slope, intercept)
    from sklearn.isotonic import IsotonicRegression

    curve = IsotonicRegression(out_of_bounds="clip").fit(scores, positive)
    knots = (tuple(float(x) for x in values) for values in (curve.X_thresholds_, curve.y_thresholds_))
    return Calibration(kind, share, 0.0, 0.0, *knots)


def calibrate(
    model: Model, split: Split, kind: Kind = "platt", each: int = EACH, seed: int = 0
) -> tuple[Calibration, dict[str, Any]]:
    """A curve learnt from the valid part, and how well it does on the test part.

    Of either part the treatments are taken, and for each of them `each` pairs that no part holds, or as many as there
    are; no pair is used twice. The report has `ece`, `bins` (see `reliability`), `fitted_on` and `judged_on`.
    """
    pairs, scores = Pairs.of(split.graph), None
    known = pairs.of_triples(np.concatenate([split.train, split.valid, split.test, split.withheld]))
    held = {part: pairs.of_triples(getattr(split, part)) for part in ("valid", "test")}
    for part, keys in held.items():
        if not len(keys):
            raise UsageError(f"the split's {part} part holds no treatment, and a calibration needs both valid and test")
    unknown = _unknown(Asked(pairs, known, known[:0]), np.random.default_rng(seed))
    each = min(each, len(unknown) // sum(map(len, held.values())))
    if not each:
        raise UsageError("there are too few pairs that nobody knows of to calibrate with")
    scores, start, drawn = PairScores(model, pairs), 0, {}
    for part, keys in held.items():
        others = unknown[start : start + each * len(keys)]
        start += len(others)
        values = scores.pick(np.concatenate([keys, others])).astype(np.float64)
        drawn[part] = values, np.arange(len(values)) < len(keys)
    curve = fit_calibration(*drawn["valid"], kind)
    values, positive = drawn["test"]
    report = {
        "kind": kind,
        "negatives_each": each,
        "share": curve.share,
        "fitted_on": {"positives": len(held["valid"]), "negatives": each * len(held["valid"])},
        "judged_on": {"positives": len(held["test"]), "negatives": each * len(held["test"])},
        **reliability(curve(values), positive),
    }
    return curve, report


def reliability(probabilities: Float, positive: Bool, bins: int = BINS) -> dict[str, Any]:
    """Predicted beside observed, in bins of as many pairs each, and the expected calibration error `ece`.

    ece: the mean over pairs of how far the observed share of their bin is from the mean probability there. brier: the
    mean squared error, and brier_of_share that of one who says the share of treatments for every pair. bins: of each
    `pairs`, `positives`, `predicted`, `observed` with `low` and `high`, the ends of its Wilson interval.
    """
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    found = [_bin(probabilities[part], positive[part]) for part in parts]
    gaps = [abs(b["observed"] - b["predicted"]) * b["pairs"] for b in found]
    share = positive.mean()
    return {
        "ece": float(sum(gaps) / len(order)),
        "brier": float(((probabilities - positive) ** 2).mean()),
        "brier_of_share": float(share * (1 - share)),
        "bins": found,
    }


def _bin(probabilities: Float, positive: Bool) -> dict[str, Any]:
    n, hits = len(positive), int(positive.sum())
    low, high = wilson(hits, n)
    return {
        "pairs": n,
        "positives": hits,
        "predicted": float(probabilities.mean()),
        "observed": hits / n,
        "low": low,
        "high": high,
    }


def wilson(hits: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """The ends of Wilson's 95 % interval of a share."""
    share, more = hits / of, z**2 / of
    half = z * math.sqrt(share * (1 - share) / of + more / (4 * of))
    middle = share + more / 2
    return max(0.0, (middle - half) / (1 + more)), min(1.0, (middle + half) / (1 + more))


def _unknown(asked: Asked, random: np.random.Generator, most: int = 5_000_000) -> Int:
    """Pairs that are negative, in an order by chance; of very many only so many."""
    rows, columns = asked.pairs.shape
    if rows * columns <= most:
        return random.permutation(np.flatnonzero(asked.negatives(0, rows)))
    drawn = np.unique(random.integers(0, rows * columns, most))
    return random.permutation(drawn[~np.isin(drawn, asked.positives)])
