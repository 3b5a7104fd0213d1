"""Score functions and the models made of them."""

from kgdrug.models.device import pick_device, product_precision
from kgdrug.models.files import read_tensors, write_tensors
from kgdrug.models.metapaths import MetapathModel, Term
from kgdrug.models.model import Candidates, Model, TableModel, load_table_model, save_table_model
from kgdrug.models.saved import load_model_file, save_model
from kgdrug.models.scores import SCORES

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
