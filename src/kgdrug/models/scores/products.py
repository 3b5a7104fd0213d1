"""Score functions that are the dot product of query and row."""

from typing import ClassVar

import torch
from torch import Tensor

from kgdrug.models.scores.function import Real, Weights
from kgdrug.models.scores.numbers import complex_moduli, complex_product


class Product(Real):
    """Score: the dot product of query and row."""

    product: ClassVar[bool] = True
    linear: ClassVar[bool] = True

    def initial(self, rows: int, dimension: int, relation: bool, generator: torch.Generator) -> Tensor:
        # near zero, as in kbc: Adagrad's first steps then set the scale
        width = self.width(dimension) if relation else dimension
        return 1e-3 * torch.randn(rows, width, generator=generator)

    def compare(self, queries: Tensor, rows: Tensor) -> Tensor:
        return queries @ self.answers(rows).T

    def pairwise(self, queries: Tensor, rows: Tensor) -> Tensor:
        return (queries * self.answers(rows)).sum(1)


class DistMult(Product):
    """`<h, r, t>`, the sum over dimensions of the three-way product (Yang et al. 2015). Symmetric in head and tail."""

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        return heads * relations

    def ask_relation(self, heads: Tensor, tails: Tensor) -> Tensor:
        return heads * tails


class ComplEx(Product):
    """`Re <h, r, conj(t)>` over the complex numbers (Trouillon et al. 2016)."""

    multiple: ClassVar[int] = 2

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        return complex_product(heads, relations)

    def ask_relation(self, heads: Tensor, tails: Tensor) -> Tensor:
        (h_re, h_im), (t_re, t_im) = heads.chunk(2, -1), tails.chunk(2, -1)
        return torch.cat([h_re * t_re + h_im * t_im, h_re * t_im - h_im * t_re], -1)

    def moduli(self, table: Tensor, relation: bool) -> Tensor:
        return complex_moduli(table).repeat(1, 2)
