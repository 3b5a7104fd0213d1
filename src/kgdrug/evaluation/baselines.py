"""What a model must beat: each a few lines, in the same tables as the models.

Sources: Himmelstein et al. 2017, eLife 6:e26726 (degree as prior of treatment); Barabási and Albert 1999 and
Liben-Nowell and Kleinberg 2007 (degree product, that is preferential attachment, and shared neighbours).
"""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgdrug.graph.known import Int, distinct, stretches
from kgdrug.models import Candidates, Model


class Degree:
    """How often a candidate answers the relation in training, whatever the head: the popular answers, always."""

    def __init__(self, train: Int, entities: int, relations: int) -> None:
        self.train, self.entities, self.relations = train, entities, relations
        self._counts: dict[int, Tensor] = {}

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        relations, row_of = queries[:, 1].unique(return_inverse=True)
        return torch.stack([self.count(int(r))[candidates] for r in relations])[row_of]

    def count(self, relation: int) -> Tensor:
        """How often each entity answers a relation in `[0, 2m)`; `(n,)`."""
        if relation not in self._counts:
            reciprocal, r = divmod(relation, self.relations)
            answers = self.train[self.train[:, 1] == r, 0 if reciprocal else 2]
            self._counts[relation] = torch.from_numpy(np.bincount(answers, minlength=self.entities).astype(np.float32))
        return self._counts[relation]


class DegreeProduct:
    """The training triples of the one times those of the other, over all relations."""

    def __init__(self, train: Int, entities: int) -> None:
        self.degree = torch.from_numpy(total_degree(train, entities).astype(np.float32))

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        return self.degree[queries[:, 0], None] * self.degree[candidates]


class SharedNeighbours:
    """How many entities are joined with both in training, by whatever relation and direction."""

    def __init__(self, train: Int, entities: int) -> None:
        self.train, self.entities = train, entities

    @cached_property
    def _neighbours(self) -> tuple[Int, Int]:
        """The distinct neighbours of each entity: where they begin, `(n + 1,)`, and themselves."""
        heads, tails = self.train[:, 0], self.train[:, 2]
        one, other = np.divmod(distinct(np.concatenate([heads * self.entities + tails, tails * self.entities + heads])),
                               max(1, self.entities))  # fmt: skip
        return np.searchsorted(one, np.arange(self.entities + 1)), other

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        heads, row_of = queries[:, 0].unique(return_inverse=True)
        others = torch.arange(self.entities)[candidates]
        if len(others) < len(heads):  # from whichever side there are fewer
            return torch.stack([self._shared(int(other))[heads] for other in others], 1)[row_of]
        return torch.stack([self._shared(int(head))[others] for head in heads])[row_of]

    def _shared(self, entity: int) -> Tensor:
        starts, neighbours = self._neighbours
        between = neighbours[starts[entity] : starts[entity + 1]]
        counts = starts[between + 1] - starts[between]
        reached = neighbours[stretches(starts[between], counts)]
        return torch.from_numpy(np.bincount(reached, minlength=self.entities).astype(np.float32))


class Random:
    """Uniform random scores, the same for the same sequence of questions."""

    def __init__(self, entities: int, seed: int = 0) -> None:
        self.entities, self.generator = entities, torch.Generator().manual_seed(seed)

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        size = len(range(*candidates.indices(self.entities))) if isinstance(candidates, slice) else len(candidates)
        return torch.rand(len(queries), size, generator=self.generator)


def baselines(train: Int, entities: int, relations: int) -> dict[str, Model]:
    """The baselines of every table, by name."""
    return {
        "degree": Degree(train, entities, relations),
        "degree_product": DegreeProduct(train, entities),
        "shared_neighbours": SharedNeighbours(train, entities),
        "random": Random(entities),
    }


def total_degree(train: Int, entities: int) -> Int:
    """The training triples of each entity, over all relations; `(n,)`."""
    return np.bincount(train[:, [0, 2]].ravel(), minlength=entities)
