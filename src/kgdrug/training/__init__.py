"""Losses, negatives, steps, the loop, and checkpoints."""

from kgdrug.training.checkpoint import (
    TRAINING_FILE,
    Checkpoint,
    Checkpoints,
    Stopped,
    load_checkpoint,
    load_stopped,
    save_checkpoint,
    save_stopped,
)
from kgdrug.training.fitting import fit_metapaths, valid_mrr
from kgdrug.training.loop import Epoch, check_trainable, is_over, look, train
from kgdrug.training.memory import keep_freed_memory
from kgdrug.training.signals import Stop, stop_on_signals
from kgdrug.training.state import State

__all__ = [
    "TRAINING_FILE",
    "Checkpoint",
    "Checkpoints",
    "Epoch",
    "State",
    "Stop",
    "Stopped",
    "check_trainable",
    "fit_metapaths",
    "is_over",
    "keep_freed_memory",
    "load_checkpoint",
    "load_stopped",
    "look",
    "save_checkpoint",
    "save_stopped",
    "stop_on_signals",
    "train",
    "valid_mrr",
]
