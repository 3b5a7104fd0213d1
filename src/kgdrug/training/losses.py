"""The loss of a batch of queries, each with one or more answers, over shared candidates."""

import math

import torch
from torch import Tensor


def softmax_loss(
    scores: Tensor, positive: Tensor, rows: Tensor, known: tuple[Tensor, Tensor] | None = None, population: int = 0
) -> Tensor:
    """Cross-entropy of each answer; `(p,)`.

    scores: `(b, k)` of queries and candidates; positive: `(p,)` scores of the answers; rows: `(p,)` their queries.
    Without `known` the candidates are every possible answer, and the loss is the exact softmax (1-vs-all).
    With it they are a uniform sample of a population: known `(rows, columns)` are cells of the sample that are
    answers in the batch themselves and are left out, and the sample stands for the whole population, which adds
    `log(population / k)` to its scores (sampled softmax, Jean et al. 2015).
    """
    if known is None:
        return scores.logsumexp(1)[rows] - positive
    scores = scores.index_put(known, scores.new_tensor(-math.inf))
    others = scores.logsumexp(1) + math.log(max(population / scores.shape[1], 1.0))
    return torch.nn.functional.softplus(others[rows] - positive)


def n3_gradient(table: Tensor, moduli: Tensor, weight: Tensor, strength: float) -> Tensor:
    """Gradient of the N3 regulariser, `strength · Σ weight · Σ modulus³` (Lacroix et al. 2018).

    table, moduli: `(u, d)`; weight: `(u,)`, how many triples each row stands in.
    """
    return 3 * strength * weight[:, None] * moduli * table
