"""What every model can do, and the models that are two tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from kgdrug.errors import BadInputError, UsageError
from kgdrug.models.files import read_tensors, write_tensors
from kgdrug.models.scores import SCORES, ScoreFunction

Candidates = slice | Tensor


class Model(Protocol):
    """Scores queries against candidates; everything else in kgdrug builds on this."""

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        """`(b, k)`, higher is better.

        queries: `(b, 2)` int64 head and relation, relation in `[0, 2m)`; candidates: a slice of entities, or `(k,)`.
        """
        ...


@dataclass
class TableModel:
    """One row an entity `(n, d)`, one row a relation and direction `(2m, w)`, and a score function between them."""

    score: str
    entity: Tensor
    relation: Tensor

    @classmethod
    def create(cls, score: str, entities: int, relations: int, dimension: int, seed: int) -> "TableModel":
        """A model before training; relations: `m`, without reciprocals; dimension: real numbers per entity."""
        if SCORES[score].complex and dimension % 2:
            raise UsageError(f"model.dimension is {dimension}; {score} needs an even number, two for a complex one")
        generator = torch.Generator().manual_seed(seed)
        entity = SCORES[score].initial(entities, dimension, False, generator)
        return cls(score, entity, SCORES[score].initial(2 * relations, dimension, True, generator))

    @property
    def function(self) -> ScoreFunction:
        return SCORES[self.score]

    def to(self, device: torch.device | str) -> "TableModel":
        """The same model with its tables on a device."""
        return TableModel(self.score, self.entity.to(device), self.relation.to(device))

    def clone(self) -> "TableModel":
        """A copy with tables of its own."""
        return TableModel(self.score, self.entity.clone(), self.relation.clone())

    def queries(self, queries: Tensor) -> Tensor:
        """Heads moved by relations; `(b, d)`."""
        return self.function.query(self.entity[queries[:, 0]], self.relation[queries[:, 1]])

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        queries = queries.to(self.entity.device)
        return self.function.compare(self.queries(queries), self.entity[candidates])


def save_table_model(model: TableModel, path: Path) -> None:
    """Write the tables and the name of the score function."""
    write_tensors(path, {"entity": model.entity, "relation": model.relation}, {"score": model.score})


def load_table_model(path: Path) -> TableModel:
    """Read what `save_table_model` wrote, on the CPU."""
    tensors, about = read_tensors(path)
    score = about.get("score")
    if score not in SCORES or set(tensors) != {"entity", "relation"}:
        raise BadInputError(path, f"is no table model of a known score function ({', '.join(SCORES)})")
    return TableModel(score, tensors["entity"], tensors["relation"])
