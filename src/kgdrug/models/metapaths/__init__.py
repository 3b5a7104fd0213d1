"""Metapaths: path counts between two types, and a regression on them that explains its answers.

Read before: hetmatpy, which counts the same paths matrix by matrix, and dhimmel/learn, Rephetio's regression.
"""

from kgdrug.graph.metapath import Metapath, Step
from kgdrug.models.metapaths.features import Features, make_features, treatment_types
from kgdrug.models.metapaths.fitting import fit_pairs
from kgdrug.models.metapaths.metapath import metapaths
from kgdrug.models.metapaths.model import MetapathModel
from kgdrug.models.metapaths.own import take_out_own_edges
from kgdrug.models.metapaths.paths import Steps, path_counts
from kgdrug.models.progress import Progress

__all__ = [
    "Features",
    "Metapath",
    "MetapathModel",
    "Progress",
    "Step",
    "Steps",
    "fit_pairs",
    "make_features",
    "metapaths",
    "path_counts",
    "take_out_own_edges",
    "treatment_types",
]
