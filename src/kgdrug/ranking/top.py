"""The best candidates of many queries, without sorting what cannot be among them.

A top-k over all scores of a row costs as much as making them. The k-th largest of the maxima of blocks is a bound that
at least k scores reach, and few more do: only those are sorted.
"""

from math import isnan

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import KgdrugError
from kgdrug.models.arrays import Floats, Int

CACHED = 250_000  # scores that stay in the cache while they are looked at several times: 1 MB
WIDTH = 64  # scores whose maximum is looked at first


def numbers(scores: Floats) -> Floats:
    """The same scores `(b, k)`; a KgdrugError where one of them is no number."""
    if isnan(scores.max(initial=-np.inf)):
        raise KgdrugError("the model's scores are not numbers (NaN)")
    return scores


def best_columns(
    scores: Floats, top: int, ascending: Floats | None = None, counts: NDArray[np.bool_] | None = None
) -> list[Int]:
    """The columns of the best of each row of scores `(b, k)`, at most `top`, best first; ties in order.

    ascending: the scores of each row sorted, where somebody has them; counts: `(b, k)`, which of them may be chosen. A
    KgdrugError where a score that may be chosen is no number.
    """
    (b, k), top = scores.shape, min(top, scores.shape[1])
    if not scores.size or not top:
        return [np.empty(0, np.int64)] * b
    if counts is not None:
        ascending = None
    best, few = [], max(1, CACHED // k)
    for start in range(0, b, few):
        some = slice(start, start + few)
        part, left = scores[some], None if counts is None else counts[some]
        if left is not None:
            part = np.where(left, part, -np.inf)
        bounds = _bounds(part, top) if ascending is None else numbers(ascending[some, k - top :])[:, 0]
        for row, bound in enumerate(bounds.tolist()):  # numbers of the language: to go through arrays takes longer
            own = part[row]
            reached = own >= bound
            if left is not None:
                reached &= left[row]  # where fewer are left the bound is -inf, which all others reach
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
    bounds: Floats = np.partition(numbers(scores), place)[:, place]  # maxima of what is no number are none
    return bounds
