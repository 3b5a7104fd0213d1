"""The trained-model folder."""

from typing import TYPE_CHECKING

from kgdrug.lazy import lazily

if TYPE_CHECKING:
    from kgdrug.trained.ensembles import Ensemble, together, weigh
    from kgdrug.trained.folder import TrainedModel, load_trained, save_calibration, save_trained, with_calibration
    from kgdrug.trained.manifest import MANIFEST
    from kgdrug.trained.members import mean_rank_scores
    from kgdrug.trained.served import ServedModel, open_served

__all__ = [
    "MANIFEST",
    "Ensemble",
    "ServedModel",
    "TrainedModel",
    "load_trained",
    "mean_rank_scores",
    "open_served",
    "save_calibration",
    "save_trained",
    "together",
    "weigh",
    "with_calibration",
]

__getattr__ = lazily(
    __name__,
    {
        "kgdrug.trained.ensembles": ("Ensemble", "together", "weigh"),
        "kgdrug.trained.folder": (
            "TrainedModel",
            "load_trained",
            "save_calibration",
            "save_trained",
            "with_calibration",
        ),
        "kgdrug.trained.manifest": ("MANIFEST",),
        "kgdrug.trained.members": ("mean_rank_scores",),
        "kgdrug.trained.served": ("ServedModel", "open_served"),
    },
)
