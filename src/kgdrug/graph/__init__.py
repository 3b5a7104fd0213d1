"""What a knowledge graph is, how it is kept, and how it looks to DGL, networkx and pandas."""

from kgdrug.graph.annotations import STATUSES, Annotation
from kgdrug.graph.curies import curies, from_curie
from kgdrug.graph.describe import describe
from kgdrug.graph.graph import EntityType, KnowledgeGraph, Metaedge, canonical_triples
from kgdrug.graph.known import KnownTails, both_directions
from kgdrug.graph.store import load_graph_folder, save_graph
from kgdrug.graph.subgraph import drop_licences, keep_metaedges
from kgdrug.graph.views import entity_frame, to_dgl, to_networkx, to_pandas, to_pyg, to_pykeen
from kgdrug.graph.vocabulary import Vocabulary

__all__ = [
    "STATUSES",
    "Annotation",
    "EntityType",
    "KnowledgeGraph",
    "KnownTails",
    "Metaedge",
    "Vocabulary",
    "both_directions",
    "canonical_triples",
    "curies",
    "describe",
    "drop_licences",
    "entity_frame",
    "from_curie",
    "keep_metaedges",
    "load_graph_folder",
    "save_graph",
    "to_dgl",
    "to_networkx",
    "to_pandas",
    "to_pyg",
    "to_pykeen",
]
