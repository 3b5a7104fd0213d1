"""What a model must beat: each a few lines, in the same tables as the models."""

import numpy as np
import torch
from torch import Tensor

from kgdrug.graph import both_directions
from kgdrug.graph.known import Int
from kgdrug.models import Candidates, Model


class Degree:
    """How often a candidate answers the relation in training, whatever the head: the popular answers, always."""

    def __init__(self, train: Int, entities: int, relations: int) -> None:
        self.both, self.entities = both_directions(train, relations), entities
        self._counts: dict[int, Tensor] = {}

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        relations, row_of = queries[:, 1].unique(return_inverse=True)
        return torch.stack([self._count(int(r))[candidates] for r in relations])[row_of]

    def _count(self, relation: int) -> Tensor:
        if relation not in self._counts:
            answers = self.both[self.both[:, 1] == relation, 2]
            self._counts[relation] = torch.from_numpy(np.bincount(answers, minlength=self.entities).astype(np.float32))
        return self._counts[relation]


class Random:
    """Uniform random scores, the same for the same sequence of questions."""

    def __init__(self, entities: int, seed: int = 0) -> None:
        self.entities, self.generator = entities, torch.Generator().manual_seed(seed)

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        size = len(range(*candidates.indices(self.entities))) if isinstance(candidates, slice) else len(candidates)
        return torch.rand(len(queries), size, generator=self.generator)


def baselines(train: Int, entities: int, relations: int) -> dict[str, Model]:
    """The baselines of every table, by name."""
    return {"degree": Degree(train, entities, relations), "random": Random(entities)}
