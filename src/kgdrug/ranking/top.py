"""The best candidates of many queries, without sorting what cannot be among them.

A top-k over all scores of a row costs as much as making them. The k-th largest of the maxima of blocks is a bound that
at least k scores reach, and few more do: only blocks that reach it are looked at again, and only those scores sorted.
"""

import numpy as np

from kgdrug.errors import KgdrugError
from kgdrug.models.arrays import Floats, Int, Scorer

BLOCK = 8_000_000  # scores held at once: 32 MB
WIDTH = 64  # scores whose maximum is looked at first


def top_candidates(model: Scorer, queries: Int, candidates: slice, top: int) -> tuple[Floats, Int]:
    """Scores and entities `(b, top)` of the best candidates of queries `(b, 2)`, best first; ties in entity order.

    top: fewer where there are fewer candidates. Memory beyond the model: a block of scores, `BLOCK` numbers or one row.
    """
    step = max(1, BLOCK // max(1, candidates.stop - candidates.start))
    blocks = (model.scores(queries[start : start + step], candidates) for start in range(0, len(queries), step))
    found = [top_scores(scores, top) for block in blocks for scores in block]
    values, columns = (np.stack(each) for each in zip(*found, strict=True))
    return values, columns + candidates.start


def top_scores(scores: Floats, top: int, ascending: Floats | None = None) -> tuple[Floats, Int]:
    """The best of scores `(k,)` and their places; `(min(top, k),)`, best first, ties in order.

    ascending: the same scores sorted, where somebody has them.
    """
    top, k = min(top, len(scores)), len(scores)
    if not top:
        return scores[:0], np.empty(0, np.int64)
    places = None  # of the scores that may be among the best, where they are not all looked at again
    if ascending is not None:
        few, bound = ascending[-1:], ascending[k - top]  # what is no number is sorted behind all others
    elif k < 2 * top * WIDTH:
        few, bound = scores, np.partition(scores, k - top)[k - top]
    else:
        full = k - k % WIDTH
        few = np.append(scores[:full].reshape(-1, WIDTH).max(1), scores[full:])  # those that fill no block, one by one
        bound = np.partition(few, len(few) - top)[len(few) - top]
        (blocks,) = (few[: full // WIDTH] >= bound).nonzero()
        places = np.append(((blocks * WIDTH)[:, None] + np.arange(WIDTH)).ravel(), np.arange(full, k))
    if places is None:
        (columns,) = (scores >= bound).nonzero()
    else:
        columns = places[scores[places] >= bound]
    columns = columns[(-scores[columns]).argsort(kind="stable")[:top]]
    if len(columns) < top or np.isnan(few).any():  # what is no number is no larger than anything
        raise KgdrugError("the model's scores are not numbers (NaN)")
    return scores[columns], columns
