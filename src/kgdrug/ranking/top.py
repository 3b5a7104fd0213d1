"""The best candidates of many queries, without sorting what cannot be among them.

A top-k over all scores of a row costs as much as making them. The k-th largest of the maxima of blocks is a bound that
at least k scores reach, and few more do: only those are sorted.
"""

from math import isnan

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import KgdrugError
from kgdrug.models.arrays import Floats, Int, Scorer

BLOCK = 16_000_000  # scores held at once: 64 MB
CACHED = 250_000  # scores that stay in the cache while they are looked at several times: 1 MB
WIDTH = 64  # scores whose maximum is looked at first


def numbers(scores: Floats) -> Floats:
    """The same scores `(b, k)`; a KgdrugError where one of them is no number."""
    if isnan(scores.max(initial=-np.inf)):
        raise KgdrugError("the model's scores are not numbers (NaN)")
    return scores


def top_candidates(model: Scorer, queries: Int, candidates: slice, top: int) -> tuple[Floats, Int]:
    """Scores and entities `(b, top)` of the best candidates of queries `(b, 2)`, best first; ties in entity order.

    top: fewer where there are fewer candidates. Memory beyond the model: a block of scores, `BLOCK` numbers or one row.
    """
    k = max(0, candidates.stop - candidates.start)
    step, few, top = max(1, BLOCK // max(1, k)), max(1, CACHED // max(1, k)), min(top, k)
    values, columns = np.empty((len(queries), top), np.float32), np.empty((len(queries), top), np.int64)
    for start in range(0, len(queries), step):
        scores = model.scores(queries[start : start + step], candidates)
        for first in range(0, len(scores), few):
            part = numbers(scores[first : first + few])
            for row, best in enumerate(best_columns(part, top), start + first):
                values[row], columns[row] = part[row - start - first, best], best
    return values, columns + candidates.start


def best_columns(
    scores: Floats, top: int, ascending: Floats | None = None, counts: NDArray[np.bool_] | None = None
) -> list[Int]:
    """The columns of the best of each row of scores `(b, k)`, at most `top`, best first; ties in order.

    ascending: the scores of each row sorted, where somebody has them; counts: `(b, k)`, which of them may be chosen.
    """
    (b, k), top = scores.shape, min(top, scores.shape[1])
    if not scores.size or not top:
        return [np.empty(0, np.int64)] * b
    if counts is not None:
        scores, ascending = np.where(counts, scores, -np.inf), None
    best, bounds = [], _bounds(scores, top) if ascending is None else ascending[:, k - top]
    for row, bound in enumerate(bounds.tolist()):  # numbers of the language: to go through arrays takes longer
        own = scores[row]
        reached = own >= bound
        if counts is not None:
            reached &= counts[row]  # where fewer are left the bound is -inf, which all others reach
        (columns,) = reached.nonzero()
        best.append(columns[(-own[columns]).argsort(kind="stable")[:top]])
    return best


def _bounds(scores: Floats, top: int) -> Floats:
    """What at least `top` scores of each row `(b, k)` reach, and few more; `(b,)`."""
    b, k = scores.shape
    if k >= 2 * top * WIDTH:
        apart = k // WIDTH  # of the scores of a block: not side by side, so that maxima are of whole rows
        blocks, rest = scores[:, : apart * WIDTH].reshape(b, WIDTH, apart), scores[:, apart * WIDTH :]
        scores = np.concatenate([blocks.max(1), rest], 1)  # those of no block one by one
    place = scores.shape[1] - top
    bounds: Floats = np.partition(scores, place)[:, place]
    return bounds
