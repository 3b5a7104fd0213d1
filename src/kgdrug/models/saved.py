"""Models on disk, of whatever kind: each is one file of tensors that says what it is."""

from pathlib import Path

from kgdrug.models.files import read_tensors
from kgdrug.models.metapaths.model import SCORE as METAPATHS
from kgdrug.models.metapaths.model import MetapathModel, metapath_model_of, save_metapath_model
from kgdrug.models.model import Model, TableModel, save_table_model, table_model_of


def save_model(model: Model, path: Path) -> None:
    """Write a model that was trained or fitted."""
    if isinstance(model, MetapathModel):
        save_metapath_model(model, path)
    elif isinstance(model, TableModel):
        save_table_model(model, path)
    else:
        raise TypeError(f"a {type(model).__name__} cannot be saved")


def load_model_file(path: Path) -> TableModel | MetapathModel:
    """Read what `save_model` wrote, on the CPU; anything else is a BadInputError."""
    tensors, about = read_tensors(path)
    return (metapath_model_of if about.get("score") == METAPATHS else table_model_of)(tensors, about, path)
