"""The trained-model folder."""

from kgdrug.trained.folder import MANIFEST, TrainedModel, load_trained, save_trained

__all__ = ["MANIFEST", "TrainedModel", "load_trained", "save_trained"]
