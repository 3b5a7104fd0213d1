"""Score functions that are a distance between query and row: the nearer, the likelier."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from kgdrug.models.scores.function import Real, Weights
from kgdrug.models.scores.numbers import complex_moduli, complex_product

TILE = 4_000_000  # elements of the largest temporary when no product gives the score


class TransE(Real):
    """`-|h + r - t|²`, the squared Euclidean distance (Bordes et al. 2013): one product and two norms.

    The square ranks as the distance itself does and lets softmax training use a matrix product.
    """

    product: ClassVar[bool] = False

    def initial(self, rows: int, dimension: int, relation: bool, generator: torch.Generator) -> Tensor:
        return torch.randn(rows, dimension, generator=generator) * (0.1 if relation else 1.0) / math.sqrt(dimension)

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        return heads + relations

    def compare(self, queries: Tensor, rows: Tensor) -> Tensor:
        norms = (queries * queries).sum(1)[:, None] + (rows * rows).sum(1)[None, :]
        return torch.addmm(norms, queries, rows.T, alpha=2.0, beta=-1.0)

    def pairwise(self, queries: Tensor, rows: Tensor) -> Tensor:
        return -((queries - rows) ** 2).sum(1)


class TransEL2(TransE):
    """`-|h + r - t|`, the distance itself (as DGL-KE and others train TransE): one product, two norms and a root."""

    def compare(self, queries: Tensor, rows: Tensor) -> Tensor:
        return -_root(-super().compare(queries, rows))

    def pairwise(self, queries: Tensor, rows: Tensor) -> Tensor:
        return -_root(-super().pairwise(queries, rows))


def _root(squares: Tensor) -> Tensor:
    """The square root of what rounding may have made negative, with a gradient of zero where it would be infinite."""
    return squares.clamp_min(1e-16).sqrt()


class TransEL1(TransE):
    """`-Σ |h + r - t|`, the city-block distance (Bordes et al. 2013), in tiles."""

    def compare(self, queries: Tensor, rows: Tensor) -> Tensor:
        parts = [rows[tile] for tile in _tiles(queries, rows)]
        # on CUDA the gradient of a cdist makes a tensor of all its pairs and dimensions, which the tiles keep small
        return -torch.cat([torch.cdist(queries, part, p=1.0) for part in parts], 1)

    def pairwise(self, queries: Tensor, rows: Tensor) -> Tensor:
        return -(queries - rows).abs().sum(1)


class RotatE(Real):
    """`-Σ |h_i r_i - t_i|` with `r_i` on the unit circle (Sun et al. 2019); relations are `d / 2` phases in radians."""

    multiple: ClassVar[int] = 2
    product: ClassVar[bool] = False

    def width(self, dimension: int) -> int:
        return dimension // 2

    def initial(self, rows: int, dimension: int, relation: bool, generator: torch.Generator) -> Tensor:
        if relation:
            return (torch.rand(rows, dimension // 2, generator=generator) * 2 - 1) * math.pi
        return torch.randn(rows, dimension, generator=generator) * 8.0 / dimension

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        return complex_product(heads, torch.cat([relations.cos(), relations.sin()], 1))

    def compare(self, queries: Tensor, rows: Tensor) -> Tensor:
        scores: Tensor = _SumOfModuli.apply(queries, rows)  # type: ignore[no-untyped-call]
        return scores

    def pairwise(self, queries: Tensor, rows: Tensor) -> Tensor:
        return -complex_moduli(queries - rows + 1e-12).sum(1)  # hypot has no gradient at zero

    def moduli(self, table: Tensor, relation: bool) -> Tensor:
        return torch.zeros_like(table) if relation else complex_moduli(table)


class _SumOfModuli(torch.autograd.Function):
    """`-Σ |q_i - e_i|` over complex dimensions for all pairs, in tiles: no temporary has more than `TILE` elements."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(queries, rows)
        scores = queries.new_empty(len(queries), len(rows))
        for part in _tiles(queries, rows):
            scores[:, part] = -complex_moduli(queries[:, None, :] - rows[None, part, :]).sum(2)
        return scores

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        queries, rows = ctx.saved_tensors
        for_queries, for_rows = torch.zeros_like(queries), torch.zeros_like(rows)
        for part in _tiles(queries, rows):
            difference = queries[:, None, :] - rows[None, part, :]
            moduli = complex_moduli(difference).clamp_min_(1e-12).repeat(1, 1, 2)
            step = difference.div_(moduli).mul_(-gradient[:, part, None])
            for_queries += step.sum(1)
            for_rows[part] = -step.sum(0)
        return for_queries, for_rows


def _tiles(queries: Tensor, rows: Tensor) -> list[slice]:
    size = max(1, TILE // max(1, queries.numel()))
    return [slice(start, min(start + size, len(rows))) for start in range(0, len(rows), size)]
