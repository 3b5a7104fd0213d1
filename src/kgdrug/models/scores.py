"""Score functions: how likely is a tail for a head and a relation?

Each moves a head by a relation into the space of answers (`query`) and compares the result with rows of the
entity table (`compare`). `d` counts real numbers per entity; complex models keep the `d / 2` real parts first
and the imaginary parts behind them, so that a row is a plain row of a matrix for every model.

Read before: facebookresearch/kbc (one class a model, scores against all rows as one product) and PyKEEN's
interactions (head, relation and tail of any shape). Here the two steps are apart, so that training, evaluation
and serving compare a moved head with whichever rows they need by one and the same product.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

TILE = 4_000_000  # elements of the largest temporary when no product gives the score


Weights = Mapping[str, Tensor]  # what all queries share, by name, such as a convolution's filters; mostly empty


class ScoreFunction(Protocol):
    """Stateless: the tables are given. Shapes: heads `(b, d)`, relations `(b, w)`, rows `(k, d)`, queries `(b, v)`."""

    multiple: ClassVar[int]  # d must be a multiple of it: 2 where numbers are complex
    product: ClassVar[bool]  # whether `compare` is nothing but `queries @ answers(rows).T`
    linear: ClassVar[bool]  # whether the score is linear in the relation, so that `ask_relation` is there

    def width(self, dimension: int) -> int:
        """Numbers per relation, `w`."""
        ...

    def initial(self, rows: int, dimension: int, relation: bool, generator: torch.Generator) -> Tensor:
        """A fresh entity table `(rows, d)` or relation table `(rows, w)`."""
        ...

    def weights(self, dimension: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh weights that all queries share; none for most."""
        ...

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        """Heads moved by relations into the space of answers; `(b, v)`."""
        ...

    def answers(self, rows: Tensor) -> Tensor:
        """What of the rows is compared with queries; `(k, v)`, a view."""
        ...

    def compare(self, queries: Tensor, rows: Tensor) -> Tensor:
        """The score of each query with each row; `(b, k)`, higher is better."""
        ...

    def pairwise(self, queries: Tensor, rows: Tensor) -> Tensor:
        """The score of each query with the row beside it; `(b,)`."""
        ...

    def ask_relation(self, heads: Tensor, tails: Tensor) -> Tensor:
        """Which relation joins the two? `(b, w)`, whose dot product with a relation's row is the triple's score."""
        ...

    def moduli(self, table: Tensor, relation: bool) -> Tensor:
        """The modulus that each number of a table belongs to, for N3; the table's shape."""
        ...


class _Real:
    """Real numbers, a relation as wide as an entity, nothing shared."""

    multiple: ClassVar[int] = 1
    linear: ClassVar[bool] = False

    def width(self, dimension: int) -> int:
        return dimension

    def weights(self, dimension: int, generator: torch.Generator) -> dict[str, Tensor]:
        return {}

    def answers(self, rows: Tensor) -> Tensor:
        return rows

    def moduli(self, table: Tensor, relation: bool) -> Tensor:
        return table.abs()

    def ask_relation(self, heads: Tensor, tails: Tensor) -> Tensor:
        raise NotImplementedError("this score is not linear in the relation")


class _Product(_Real):
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


class DistMult(_Product):
    """`<h, r, t>`, the sum over dimensions of the three-way product (Yang et al. 2015). Symmetric in head and tail."""

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        return heads * relations

    def ask_relation(self, heads: Tensor, tails: Tensor) -> Tensor:
        return heads * tails


class ComplEx(_Product):
    """`Re <h, r, conj(t)>` over the complex numbers (Trouillon et al. 2016)."""

    multiple: ClassVar[int] = 2

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        return complex_product(heads, relations)

    def ask_relation(self, heads: Tensor, tails: Tensor) -> Tensor:
        (h_re, h_im), (t_re, t_im) = heads.chunk(2, -1), tails.chunk(2, -1)
        return torch.cat([h_re * t_re + h_im * t_im, h_re * t_im - h_im * t_re], -1)

    def moduli(self, table: Tensor, relation: bool) -> Tensor:
        return complex_moduli(table).repeat(1, 2)


class TransE(_Real):
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


class RotatE(_Real):
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
        return torch.zeros_like(table) if relation else complex_moduli(table).repeat(1, 2)


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


def complex_product(a: Tensor, b: Tensor) -> Tensor:
    """The element-wise product of complex numbers kept as real halves; `(..., d)`."""
    (a_re, a_im), (b_re, b_im) = a.chunk(2, -1), b.chunk(2, -1)
    return torch.cat([a_re * b_re - a_im * b_im, a_re * b_im + a_im * b_re], -1)


def complex_moduli(a: Tensor) -> Tensor:
    """The moduli of complex numbers kept as real halves; `(..., d / 2)`."""
    real, imaginary = a.chunk(2, -1)
    return torch.hypot(real, imaginary)


SCORES: dict[str, ScoreFunction] = {
    "transe": TransE(),
    "transe-l2": TransEL2(),
    "distmult": DistMult(),
    "complex": ComplEx(),
    "rotate": RotatE(),
}
