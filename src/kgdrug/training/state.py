"""What a training is between two steps."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kgdrug.models import TableModel


@dataclass
class State:
    """What a run is made of between epochs: tensors, Adagrad's sums of their squares by name, and how far it got."""

    model: TableModel
    sums: dict[str, Tensor]
    epoch: int = 0
    best_mrr: float = -1.0
    best_epoch: int = 0

    @classmethod
    def fresh(cls, model: TableModel) -> "State":
        return cls(model, {name: torch.zeros_like(tensor) for name, tensor in model.tensors.items()})
