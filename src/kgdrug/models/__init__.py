"""Score functions and the models made of them."""

from kgdrug.models.device import pick_device, product_precision
from kgdrug.models.files import read_tensors, write_tensors
from kgdrug.models.model import Candidates, Model, TableModel, load_table_model, save_table_model
from kgdrug.models.scores import SCORES

__all__ = [
    "SCORES",
    "Candidates",
    "Model",
    "TableModel",
    "load_table_model",
    "pick_device",
    "product_precision",
    "read_tensors",
    "save_table_model",
    "write_tensors",
]
