"""The best candidates of many queries, without sorting what cannot be among them.

A top-k over all scores of a row costs as much as making them. The k-th largest of the maxima of blocks is a bound that
at least k scores reach, and few more do: only those are sorted.
"""

import torch
from torch import Tensor

from kgdrug.errors import KgdrugError
from kgdrug.models import Model

BLOCK = 8_000_000  # scores held at once: 32 MB
WIDTH = 64  # scores whose maximum is looked at first


def top_candidates(model: Model, queries: Tensor, candidates: slice, top: int) -> tuple[Tensor, Tensor]:
    """Scores and entities `(b, top)` of the best candidates of queries `(b, 2)`, best first; ties in entity order.

    top: fewer where there are fewer candidates. Memory beyond the model: a block of scores, `BLOCK` numbers or one row,
    and 40 bytes a score that reaches the bound: few more than `top`, unless very many are equal.
    """
    step = max(1, BLOCK // max(1, candidates.stop - candidates.start))
    parts = [top_scores(model.scores(part, candidates), top) for part in queries.split(step)]
    values, columns = (torch.cat(each) for each in zip(*parts, strict=True))
    return values, columns + candidates.start


def top_scores(scores: Tensor, top: int) -> tuple[Tensor, Tensor]:
    """The best of each row of scores `(b, k)`, and their columns; `(b, min(top, k))`, best first, ties in order."""
    b, k = scores.shape
    top, blocks = min(top, k), k // WIDTH
    few = scores if blocks < top else scores[:, : blocks * WIDTH].unflatten(1, (blocks, WIDTH)).amax(2)
    best = few.topk(top, 1).values
    if best[:, :1].isnan().any():  # they come first
        raise KgdrugError("the model's scores are not numbers (NaN)")
    bound = best[:, -1:]
    rows, columns = (scores >= bound).nonzero(as_tuple=True)
    values = scores[rows, columns]
    order = values.argsort(descending=True, stable=True)
    if b == 1:  # what takes the time of one query is the number of calls
        return values[order[:top]][None], columns[order[:top]][None]
    order = order[rows[order].argsort(stable=True)]
    counts = torch.bincount(rows, minlength=b)
    chosen = order[(counts.cumsum(0) - counts)[:, None] + torch.arange(top, device=scores.device)]
    return values[chosen], columns[chosen]
