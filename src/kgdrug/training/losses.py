"""The softmax loss of a batch of queries, each with one or more answers, over shared candidates, and its gradient.

The gradient is written out: it is the softmax itself with the answers taken off, so that the one matrix of the shape of
the scores is made once, and its two products give the gradients of queries and rows.
"""

import math

import torch
from torch import Tensor

NOT_THERE = -1e30  # the score of a candidate that is left out: finite, so that a row of them has a softmax


def softmax_loss(scores: Tensor, rows: Tensor, columns: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each answer against every candidate (1-vs-all), summed, and its gradient.

    scores: `(b, k)` of queries and candidates; rows, columns: `(p,)` the cells of the answers, which are distinct;
    counts: `(b,)` answers of each query. Returns the sum, in which an answer counts 87 at most (its softmax is then the
    smallest that single precision holds), and `(b, k)` what, each row times its count, is the gradient by the scores.
    """
    softmax = scores.softmax(1)
    own = softmax[rows, columns]
    wide = torch.promote_types(own.dtype, torch.float32)
    softmax[rows, columns] = own - (1 / counts.to(wide)).to(own.dtype)[rows]
    return -own.to(wide).clamp_min(torch.finfo(torch.float32).tiny).log().sum(), softmax


def sampled_softmax_loss(
    scores: Tensor, positive: Tensor, rows: Tensor, hits: tuple[Tensor, Tensor], population: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cross-entropy of each answer against a uniform sample that stands for a population, summed, and its gradients.

    scores: `(b, k)` of queries and sample, changed in the cells `hits`, which are answers themselves and are left out;
    positive: `(p,)` scores of the answers; rows: `(p,)` their queries. The sample stands for the whole population,
    which adds `log(population / k)` to its scores (sampled softmax, Jean et al. 2015).
    Returns the sum; `(b, k)` and `(b,)` whose product by rows is the gradient by the scores; `(p,)` that by `positive`.
    """
    scores[hits] = NOT_THERE
    softmax = scores.softmax(1)
    wide = torch.promote_types(scores.dtype, torch.float32)
    totals = scores.amax(1).to(wide) - softmax.amax(1).to(wide).log()  # logsumexp, for little after the softmax
    others = totals + math.log(max(population / scores.shape[1], 1.0))
    margin = others[rows] - positive
    missed = margin.sigmoid()
    weight = torch.zeros_like(others).index_add_(0, rows, missed)
    return torch.nn.functional.softplus(margin).sum(), softmax, weight, -missed


def add_n3(gradient: Tensor, table: Tensor, moduli: Tensor, weight: Tensor, strength: float) -> None:
    """Add the gradient of the N3 regulariser, `strength · Σ weight · Σ modulus³` (Lacroix et al. 2018), in place.

    gradient, table: `(u, d)`; moduli: `(u, d / parts)` of numbers that have so many parts, which lie one after another;
    weight: `(u,)`, how many triples each row stands in.
    """
    parts = len(table), table.shape[1] // moduli.shape[1], moduli.shape[1]
    scaled = (3 * strength * weight)[:, None] * moduli
    gradient.view(parts).addcmul_(table.view(parts), scaled[:, None])
