"""What every score function can do, and what most of them share."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

import torch
from torch import Tensor

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
        """The moduli of the numbers of a table `(u, d)`, for N3; `(u, d / parts)`, as each has so many parts."""
        ...


class Real:
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
