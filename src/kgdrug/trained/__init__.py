"""The trained-model folder."""

from kgdrug.trained.ensembles import Ensemble, together, weigh
from kgdrug.trained.folder import MANIFEST, TrainedModel, load_trained, save_trained
from kgdrug.trained.members import mean_rank_scores

__all__ = [
    "MANIFEST",
    "Ensemble",
    "TrainedModel",
    "load_trained",
    "mean_rank_scores",
    "save_trained",
    "together",
    "weigh",
]
