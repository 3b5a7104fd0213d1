"""Score functions and the models made of them."""

from typing import TYPE_CHECKING

from kgdrug.lazy import lazily

if TYPE_CHECKING:
    from kgdrug.models.device import pick_device, product_precision
    from kgdrug.models.files import read_tensors, write_tensors
    from kgdrug.models.metapaths import MetapathModel
    from kgdrug.models.model import Candidates, Model, TableModel, load_table_model, save_table_model
    from kgdrug.models.saved import load_model_file, save_model
    from kgdrug.models.scores import SCORES
    from kgdrug.models.terms import Term

__all__ = [
    "SCORES",
    "Candidates",
    "MetapathModel",
    "Model",
    "TableModel",
    "Term",
    "load_model_file",
    "load_table_model",
    "pick_device",
    "product_precision",
    "read_tensors",
    "save_model",
    "save_table_model",
    "write_tensors",
]

__getattr__ = lazily(
    __name__,
    {
        "kgdrug.models.device": ("pick_device", "product_precision"),
        "kgdrug.models.files": ("read_tensors", "write_tensors"),
        "kgdrug.models.metapaths": ("MetapathModel",),
        "kgdrug.models.model": ("Candidates", "Model", "TableModel", "load_table_model", "save_table_model"),
        "kgdrug.models.saved": ("load_model_file", "save_model"),
        "kgdrug.models.scores": ("SCORES",),
        "kgdrug.models.terms": ("Term",),
    },
)
