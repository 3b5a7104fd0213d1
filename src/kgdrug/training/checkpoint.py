"""A training that was stopped, on disk: one file, written whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from kgdrug.errors import BadInputError
from kgdrug.models import TableModel, read_tensors, write_tensors
from kgdrug.training.state import State


@dataclass
class Checkpoint:
    """The state after an epoch, the tables of the best epoch, and what the run was (to refuse another)."""

    state: State
    best: TableModel
    about: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file in place of an older one."""
    state, best = checkpoint.state, checkpoint.best
    parts = {"model": state.model.tensors, "sums": state.sums, "best": best.tensors}
    tensors = {f"{part}.{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
    counters = {"epoch": state.epoch, "best_mrr": state.best_mrr, "best_epoch": state.best_epoch}
    write_tensors(path, tensors, {"score": best.score, "counters": counters, "about": dict(checkpoint.about)})


def load_checkpoint(path: Path, device: str = "cpu") -> Checkpoint:
    """Read what `save_checkpoint` wrote, with its tables on a device."""
    tensors, about = read_tensors(path, device)
    try:
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "sums": {}, "best": {}}
        for key, tensor in tensors.items():
            part, _, name = key.partition(".")
            parts[part][name] = tensor
        model, best = (TableModel.of(about["score"], parts[part]) for part in ("model", "best"))
        return Checkpoint(State(model, parts["sums"], **about["counters"]), best, about["about"])
    except (KeyError, TypeError) as error:
        raise BadInputError(path, f"is no checkpoint: {error}") from None
