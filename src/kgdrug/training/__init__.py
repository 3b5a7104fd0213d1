"""Losses, negatives, steps, the loop, and checkpoints."""

from kgdrug.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kgdrug.training.loop import Epoch, train
from kgdrug.training.memory import keep_freed_memory
from kgdrug.training.state import State

__all__ = ["Checkpoint", "Epoch", "State", "keep_freed_memory", "load_checkpoint", "save_checkpoint", "train"]
