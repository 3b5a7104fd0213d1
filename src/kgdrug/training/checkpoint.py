"""A training that was stopped, on disk: files that are each written whole or not at all.

In the folder of a training lie `training.json`, what is trained, and a checkpoint for each member that was begun,
`0.safetensors` and so on; those of finished members stay until the whole is finished.
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from kgdrug.config import Experiment, experiment_from, to_dict
from kgdrug.errors import BadInputError
from kgdrug.graph.store import read_json, write_json
from kgdrug.models import TableModel, read_tensors, write_tensors
from kgdrug.training.state import State

FORMAT = "kgdrug training 1"
TRAINING_FILE = "training.json"
PAUSE = 20  # times what the last checkpoint took, before the next


@dataclass
class Checkpoint:
    """The state of a member's training, the tables of its best epoch, its seed, and the seconds it has taken so far."""

    state: State
    best: TableModel
    seed: int
    seconds: float = 0.0


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file in place of an older one."""
    state, best = checkpoint.state, checkpoint.best
    parts = {"model": state.model.tensors, "sums": state.sums, "best": best.tensors}
    tensors = {f"{part}.{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
    about = {"format": FORMAT, "score": best.score, "seed": checkpoint.seed, "seconds": checkpoint.seconds}
    write_tensors(path, tensors, {**about, "counters": state.counters})


def load_checkpoint(path: Path, device: str = "cpu") -> Checkpoint:
    """Read what `save_checkpoint` wrote, with its tables on a device."""
    tensors, about = read_tensors(path, device)
    check_format(about, path)
    try:
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "sums": {}, "best": {}}
        for key, tensor in tensors.items():
            part, _, name = key.partition(".")
            parts[part][name] = tensor
        model, best = (TableModel.of(about["score"], parts[part]) for part in ("model", "best"))
        state = State(model, parts["sums"], **about["counters"])
        return Checkpoint(state, best, about["seed"], about["seconds"])
    except (KeyError, TypeError) as error:
        raise BadInputError(path, f"is no checkpoint: {error}") from None


@dataclass
class Checkpoints:
    """Writes checkpoints when they are due.

    One is due every so many epochs, and no sooner than `PAUSE` times what the last one took, so that writing never
    costs more than a twentieth of the time.
    """

    every: int
    took: float = 0.0
    last: float = -float("inf")

    def offer(self, checkpoint: Checkpoint, path: Path) -> bool:
        """Write a checkpoint if it is due; whether it was."""
        due = checkpoint.state.epoch % self.every == 0 and time.monotonic() - self.last >= PAUSE * self.took
        if due:
            self.write(checkpoint, path)
        return due

    def write(self, checkpoint: Checkpoint, path: Path) -> None:
        """Write a checkpoint, due or not."""
        started = time.monotonic()
        save_checkpoint(checkpoint, path)
        self.last = time.monotonic()
        self.took = self.last - started


@dataclass(frozen=True)
class Stopped:
    """What is trained in a folder of checkpoints.

    split: its digest; run_id: the tracked run; force: whether the model may take the place of what is there; keep:
    whether the checkpoints stay when it is finished; finished: whether it is.
    """

    experiment: Experiment
    split: str
    run_id: str
    force: bool = False
    keep: bool = False
    finished: bool = False


def save_stopped(stopped: Stopped, folder: Path) -> None:
    """Write `training.json` into the folder, in place of an older one."""
    writing = folder / f"{TRAINING_FILE}.writing"
    fields = {f.name: getattr(stopped, f.name) for f in dataclasses.fields(stopped)}
    write_json(writing, {"format": FORMAT, **fields, "experiment": to_dict(stopped.experiment)})
    writing.replace(folder / TRAINING_FILE)


def load_stopped(folder: Path) -> Stopped:
    """Read what `save_stopped` wrote."""
    path = folder / TRAINING_FILE
    about = read_json(path)
    check_format(about, path)
    del about["format"]
    try:
        experiment = experiment_from(about.pop("experiment"), str(path))
        return Stopped(experiment, **about)
    except (KeyError, TypeError) as error:
        raise BadInputError(path, f"does not say what is trained: {error}") from None


def check_format(about: Mapping[str, Any], path: Path) -> None:
    """A BadInputError for what another version of kgdrug wrote."""
    came = about.get("format")
    if came != FORMAT:
        said = f"says {came!r}" if came is not None else "says no format"
        raise BadInputError(path, f"is no checkpoint of this version of kgdrug, which reads {FORMAT!r}; it {said}")
