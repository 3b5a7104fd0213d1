"""From the features of all pairs to a model: what is learned from, and which of several strengths is kept."""

from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from kgdrug.config import MetapathConfig
from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int
from kgdrug.models.metapaths.cache import Single
from kgdrug.models.metapaths.features import Features, make_features
from kgdrug.models.metapaths.model import KEPT, MetapathModel
from kgdrug.models.metapaths.regression import Penalty, fit
from kgdrug.models.progress import Progress

PENALTIES = tuple(Penalty(strength, l1) for l1 in (0.2, 1.0) for strength in (0.003, 0.01, 0.03, 0.1))
MIDDLE = Penalty(0.01, 0.2)  # where nothing can be chosen
BLOCK = 64  # features that are scored at once
STILL = 1e-6  # a feature with a smaller deviation says nothing

Judge = Callable[[MetapathModel], float]


def fit_pairs(
    graph: KnowledgeGraph, held_out: Int, config: MetapathConfig, seed: int, judge: Judge | None
) -> Generator[Progress, None, MetapathModel]:
    """The model of the treatments of a graph; of several penalties the one that the judge says is best.

    graph: with the triples to learn from alone; held_out: `(h, 3)` triples whose pairs do not count as untreated, since
    that would be to learn from what is asked later; seed: of swaps, and of which untreated pairs are learned from;
    judge: higher is better.
    """
    features = yield from make_features(graph, config, seed)
    treated = features.treated()
    if not treated.any():
        raise UsageError(f"no treatment of {graph.name} is there to learn from")
    rows = learned_from(treated, joined(features, held_out), config, seed)
    names = features.names
    matrix = np.empty((len(names), len(rows)), np.float32)
    for i in range(len(names)):
        matrix[i] = features.column(i).ravel()[rows]
        if i % BLOCK == 0:
            yield Progress("features", i, len(names))
    mean, deviation = (of(1, dtype=np.float64).astype(np.float32) for of in (matrix.mean, matrix.std))
    telling = np.flatnonzero(deviation > STILL * np.maximum(1, np.abs(mean)))
    mean, deviation = mean[telling, None], deviation[telling, None]
    matrix = matrix[telling]
    matrix -= mean
    matrix /= deviation
    penalties = PENALTIES if judge is not None else (MIDDLE,)
    yield Progress("regressions", 0, 1)
    labels = torch.from_numpy(treated.ravel()[rows].astype(np.float32))
    weights, intercepts = (found.numpy() for found in fit(torch.from_numpy(matrix).T, labels, penalties))
    del matrix

    def standardised(some: NDArray[np.int64]) -> Single:
        """The features of these places among the telling ones, of all pairs, `(·, s * t)`."""
        columns = np.stack([features.column(i).ravel() for i in telling[some].tolist()])
        columns -= mean[some]
        columns /= deviation[some]
        return columns

    tables = np.repeat(intercepts[:, None], treated.size, 1)
    for start in range(0, len(telling), BLOCK):
        some = np.arange(start, min(start + BLOCK, len(telling)))
        yield Progress("scores", start, len(telling))
        tables += weights[some].T @ standardised(some)
    bare = [_model(features, table.reshape(treated.shape)) for table in tables]
    judged = [judge(model) for model in bare] if judge is not None else [float("nan")]
    best = int(np.argmax(judged))
    used = np.flatnonzero(weights[:, best])
    contributions = np.zeros((max(1, len(used)), treated.size), np.float16)
    for start in range(0, len(used), BLOCK):
        some = used[start : start + BLOCK]
        contributions[start : start + len(some)] = weights[some, best, None] * standardised(some)
    places, kept = _largest(contributions)
    about = {
        "metapaths": len(features.metapaths),
        "learned_from": {"treated": int(treated.sum()), "untreated": int(len(rows) - treated.sum())},
        "terms": len(used),
        "strength": penalties[best].strength,
        "l1": penalties[best].l1,
        "intercept": float(intercepts[best]),
    }
    return replace(
        bare[best],
        names=tuple(names[i] for i in telling[used].tolist()),
        coefficients=torch.from_numpy(weights[used, best].copy()),
        places=torch.from_numpy(places.reshape(*treated.shape, -1)),
        contributions=torch.from_numpy(kept.reshape(*treated.shape, -1)),
        about=about,
    )


def joined(features: Features, triples: Int) -> NDArray[np.bool_]:
    """The pairs that some of the triples `(h, 3)` join, in whichever direction; `(s, t)`."""
    source, target = features.source, features.target
    pairs = np.zeros((len(source), len(target)), bool)
    for head, tail in ((triples[:, 0], triples[:, 2]), (triples[:, 2], triples[:, 0])):
        inside = (head >= source.start) & (head < source.stop) & (tail >= target.start) & (tail < target.stop)
        pairs[head[inside] - source.start, tail[inside] - target.start] = True
    return pairs


def learned_from(
    treated: NDArray[np.bool_], held_out: NDArray[np.bool_], config: MetapathConfig, seed: int
) -> NDArray[np.int64]:
    """Places, among the `s * t` pairs, of all that are treated, then of as many others as `negatives` says, drawn."""
    positive = np.flatnonzero(treated)
    others = ~treated & ~held_out
    negative = np.flatnonzero(others)
    if config.negatives != "all" and len(negative) > config.negatives * len(positive):
        negative = np.random.default_rng(seed).choice(negative, config.negatives * len(positive), replace=False)
    return np.concatenate([positive, negative])


def _model(features: Features, table: Single) -> MetapathModel:
    """A model of nothing but its scores."""
    empty = torch.zeros(*table.shape, 0)
    return MetapathModel(
        features.source.range, features.target.range, features.steps.graph.relations, features.treatments,
        torch.from_numpy(table), (), torch.zeros(0), empty.short(), empty.half(),
    )  # fmt: skip


def _largest(contributions: NDArray[np.float16]) -> tuple[NDArray[np.int16], NDArray[np.float16]]:
    """Of contributions `(j, p)`, the places `(p, KEPT)` of each pair's largest, up or down, and their values."""
    count = min(KEPT, len(contributions))
    places = np.empty((contributions.shape[1], count), np.int16)
    for start in range(0, len(places), 1 << 14):
        part = np.abs(contributions[:, start : start + (1 << 14)].T)
        places[start : start + len(part)] = np.argpartition(part, -count, axis=1)[:, -count:]
    return places, np.take_along_axis(contributions.T, places.astype(np.int64), 1)
