"""Losses, negatives, steps, the loop, and checkpoints."""

from kgdrug.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kgdrug.training.loop import Epoch, State, train

__all__ = ["Checkpoint", "Epoch", "State", "load_checkpoint", "save_checkpoint", "train"]
