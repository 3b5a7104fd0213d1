"""What a training is between two steps."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from kgdrug.models import TableModel


@dataclass
class State:
    """What a run is made of between steps: tensors, Adagrad's sums of their squares by name, and how far it got.

    epoch: how many are complete; batch, loss, triples, seconds: of the epoch under way, how many steps are done, the
    sum of their losses, how many triples they had, in both directions, and how long they took.
    """

    model: TableModel
    sums: dict[str, Tensor]
    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    triples: int = 0
    seconds: float = 0.0
    best_mrr: float = -1.0
    best_epoch: int = 0

    @classmethod
    def fresh(cls, model: TableModel) -> "State":
        """Before the first step; the model's tensors are those that training will change."""
        return cls(model, {name: torch.zeros_like(tensor) for name, tensor in model.tensors.items()})

    @property
    def counters(self) -> dict[str, int | float]:
        """Everything that is no tensor, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("model", "sums")}

    def complete_epoch(self) -> None:
        """Count the epoch under way as complete."""
        self.epoch, self.batch, self.loss, self.triples, self.seconds = self.epoch + 1, 0, 0.0, 0, 0.0
