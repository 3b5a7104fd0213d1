"""What every model can do, and the models that are two tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from kgdrug.errors import BadInputError, UsageError
from kgdrug.models.files import read_tensors, write_tensors
from kgdrug.models.scores import SCORES, ScoreFunction

Candidates = slice | Tensor
STRETCH = 1024  # queries moved at once: one of RESCAL takes d² numbers to make, one of ConvE some 50 d


class Model(Protocol):
    """Scores queries against candidates; everything else in kgdrug builds on this."""

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        """`(b, k)`, higher is better.

        queries: `(b, 2)` int64 head and relation, relation in `[0, 2m)`; candidates: a slice of entities, or `(k,)`.
        The scores are the caller's to change.
        """
        ...


@dataclass
class TableModel:
    """One row an entity `(n, d)`, one row a relation and direction `(2m, w)`, and a score function between them.

    weights: what the score function shares among all queries, by name; empty for most.
    """

    score: str
    entity: Tensor
    relation: Tensor
    weights: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def create(cls, score: str, entities: int, relations: int, dimension: int, seed: int) -> "TableModel":
        """A model before training; relations: `m`, without reciprocals; dimension: real numbers per entity."""
        function = SCORES[score]
        if dimension % function.multiple:
            raise UsageError(f"model.dimension is {dimension}; {score} needs a multiple of {function.multiple}")
        generator = torch.Generator().manual_seed(seed)
        entity = function.initial(entities, dimension, False, generator)
        relation = function.initial(2 * relations, dimension, True, generator)
        return cls(score, entity, relation, function.weights(dimension, generator))

    @property
    def function(self) -> ScoreFunction:
        return SCORES[self.score]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name: `entity`, `relation`, and the weights."""
        return {"entity": self.entity, "relation": self.relation, **self.weights}

    @classmethod
    def of(cls, score: str, tensors: Mapping[str, Tensor]) -> "TableModel":
        """The model made of what `tensors` gives."""
        rest = {name: tensor for name, tensor in tensors.items() if name not in ("entity", "relation")}
        return cls(score, tensors["entity"], tensors["relation"], rest)

    def to(self, device: torch.device | str) -> "TableModel":
        """The same model with its tensors on a device."""
        return self.of(self.score, {name: tensor.to(device) for name, tensor in self.tensors.items()})

    def clone(self) -> "TableModel":
        """A copy with tensors of its own."""
        return self.of(self.score, {name: tensor.clone() for name, tensor in self.tensors.items()})

    def queries(self, queries: Tensor) -> Tensor:
        """Heads moved by relations; `(b, v)`."""
        parts = ((self.entity[part[:, 0]], self.relation[part[:, 1]]) for part in queries.split(STRETCH))
        return torch.cat([self.function.query(heads, relations, self.weights) for heads, relations in parts])

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        queries = queries.to(self.entity.device)
        return self.function.compare(self.queries(queries), self.entity[candidates])


def save_table_model(model: TableModel, path: Path) -> None:
    """Write the tensors and the name of the score function."""
    write_tensors(path, model.tensors, {"score": model.score})


def load_table_model(path: Path) -> TableModel:
    """Read what `save_table_model` wrote, on the CPU."""
    return table_model_of(*read_tensors(path), path)


def table_model_of(tensors: Mapping[str, Tensor], about: Mapping[str, Any], path: Path) -> TableModel:
    """The model that `save_table_model` wrote, from what lies in the file."""
    score = about.get("score")
    if score not in SCORES or not {"entity", "relation"} <= set(tensors):
        raise BadInputError(path, f"is no table model of a known score function ({', '.join(SCORES)})")
    _check_shapes(score, tensors, path)
    return TableModel.of(score, tensors)


def _check_shapes(score: str, tensors: Mapping[str, Tensor], path: Path) -> None:
    function, entity = SCORES[score], tensors["entity"]
    if entity.ndim != 2 or entity.shape[1] == 0 or entity.shape[1] % function.multiple:
        due = f"rows whose length is a multiple of {function.multiple}"
        raise BadInputError(path, f"has entities of shape {_shape(entity)}; {score} needs {due}")
    dimension, relations = entity.shape[1], len(tensors["relation"]) if tensors["relation"].ndim else 0
    with torch.device("meta"):  # their shapes alone
        shared = function.weights(dimension, torch.Generator())
        due_tensors = {"entity": entity, "relation": torch.empty(relations, function.width(dimension)), **shared}
    if missing := sorted(set(due_tensors) - set(tensors)):
        raise BadInputError(path, f"lacks {', '.join(missing)}, which {score} needs")
    if foreign := sorted(set(tensors) - set(due_tensors)):
        raise BadInputError(path, f"has {', '.join(foreign)}, which {score} has no use for")
    for name, due_tensor in due_tensors.items():
        if tensors[name].shape != due_tensor.shape:
            of = f"{score} with {dimension} numbers per entity needs {_shape(due_tensor)}"
            raise BadInputError(path, f"has {name} of shape {_shape(tensors[name])}; {of}")


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"
