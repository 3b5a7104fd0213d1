"""The best candidates of many queries, without sorting what cannot be among them.

A top-k over all scores of a row costs as much as making them. The k-th largest of the maxima of blocks is a bound that
at least k scores reach, and few more do: only those are sorted.
"""

import numpy as np

from kgdrug.errors import KgdrugError
from kgdrug.models.arrays import Floats, Int, Scorer

BLOCK = 16_000_000  # scores held at once: 64 MB
WIDTH = 64  # scores whose maximum is looked at first


def top_candidates(model: Scorer, queries: Int, candidates: slice, top: int) -> tuple[Floats, Int]:
    """Scores and entities `(b, top)` of the best candidates of queries `(b, 2)`, best first; ties in entity order.

    top: fewer where there are fewer candidates. Memory beyond the model: a block of scores, `BLOCK` numbers or one row.
    """
    k = max(0, candidates.stop - candidates.start)
    step, top = max(1, BLOCK // max(1, k)), min(top, k)
    values, columns = np.empty((len(queries), top), np.float32), np.empty((len(queries), top), np.int64)
    for start in range(0, len(queries), step):
        for row, scores in enumerate(model.scores(queries[start : start + step], candidates), start):
            values[row], columns[row] = top_scores(scores, top)
    return values, columns + candidates.start


def top_scores(scores: Floats, top: int, ascending: Floats | None = None) -> tuple[Floats, Int]:
    """The best of scores `(k,)` and their places; `(min(top, k),)`, best first, ties in order.

    ascending: the same scores sorted, where somebody has them.
    """
    top, k = min(top, len(scores)), len(scores)
    if not top:
        return scores[:0], np.empty(0, np.int64)
    if ascending is not None:
        lost, bound = bool(np.isnan(ascending[-1])), ascending[k - top]  # what is no number is sorted behind all others
    else:
        few = scores
        if k >= 2 * top * WIDTH:
            apart = k // WIDTH  # of the scores of a block: not side by side, so that maxima are of whole rows
            blocks, rest = scores[: apart * WIDTH].reshape(WIDTH, apart), scores[apart * WIDTH :]
            few = np.append(blocks.max(0), rest)  # those of no block one by one
        lost, bound = bool(np.isnan(few).any()), np.partition(few, len(few) - top)[len(few) - top]
    (columns,) = (scores >= bound).nonzero()
    columns = columns[(-scores[columns]).argsort(kind="stable")[:top]]
    if len(columns) < top or lost:  # what is no number is no larger than anything
        raise KgdrugError("the model's scores are not numbers (NaN)")
    return scores[columns], columns
