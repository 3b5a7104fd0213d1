"""Drug repurposing on knowledge graphs: build, train, evaluate, track, ask, serve.

The public names below load their room, and with it torch, mlflow or dgl, when first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Before torch loads: threads that wait should sleep. Spinning ones made small steps 5 to 30 times slower on two cores
# as soon as anything else ran beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_ROOMS = {
    "kgdrug.errors": ("AmbiguousNameError", "BadInputError", "KgdrugError", "UnknownNameError", "UsageError"),
    "kgdrug.config": ("Experiment", "TrainingConfig", "read_experiment"),
    "kgdrug.graph": (
        "Annotation",
        "EntityType",
        "KnowledgeGraph",
        "KnownTails",
        "Metaedge",
        "Vocabulary",
        "describe",
        "drop_licences",
        "entity_frame",
        "keep_metaedges",
        "save_graph",
        "to_dgl",
        "to_networkx",
        "to_pandas",
        "to_pyg",
        "to_pykeen",
    ),
    "kgdrug.sources": (
        "DATASETS",
        "FORMS",
        "Reading",
        "build_graph",
        "from_dgl",
        "from_networkx",
        "from_pandas",
        "from_pyg",
        "from_pykeen",
        "get_dataset",
        "load_graph",
        "merge_graphs",
        "shipped",
        "write_graph",
    ),
    "kgdrug.models": ("MetapathModel", "TableModel", "Term"),
    "kgdrug.splits": ("Draw", "Finding", "Split", "audit", "open_split", "save_split", "split_graph"),
    "kgdrug.training": ("Epoch", "State", "fit_metapaths", "train"),
    "kgdrug.evaluation": (
        "Calibration",
        "DegreeCorrected",
        "calibrate",
        "compare",
        "evaluate",
        "evaluate_folds",
        "evaluate_pairs",
    ),
    "kgdrug.trained": ("TrainedModel", "save_trained"),
    "kgdrug.trained.dglke": ("read_dglke",),
    "kgdrug.ranking": ("Answer", "KnownFact", "Question", "answer", "flat_rows", "predict", "question"),
    "kgdrug.reports": ("graph_page", "model_page"),
    "kgdrug.registry": ("list_runs", "load_model", "resolve_model", "show_run"),
    "kgdrug.experiment": ("Run", "ensemble", "make_split", "resume", "run"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

if TYPE_CHECKING:
    from kgdrug.config import Experiment, TrainingConfig, read_experiment
    from kgdrug.errors import AmbiguousNameError, BadInputError, KgdrugError, UnknownNameError, UsageError
    from kgdrug.evaluation import (
        Calibration,
        DegreeCorrected,
        calibrate,
        compare,
        evaluate,
        evaluate_folds,
        evaluate_pairs,
    )
    from kgdrug.experiment import Run, ensemble, make_split, resume, run
    from kgdrug.graph import (
        Annotation,
        EntityType,
        KnowledgeGraph,
        KnownTails,
        Metaedge,
        Vocabulary,
        describe,
        drop_licences,
        entity_frame,
        keep_metaedges,
        save_graph,
        to_dgl,
        to_networkx,
        to_pandas,
        to_pyg,
        to_pykeen,
    )
    from kgdrug.models import MetapathModel, TableModel, Term
    from kgdrug.ranking import Answer, KnownFact, Question, answer, flat_rows, predict, question
    from kgdrug.registry import list_runs, load_model, resolve_model, show_run
    from kgdrug.reports import graph_page, model_page
    from kgdrug.sources import (
        DATASETS,
        FORMS,
        Reading,
        build_graph,
        from_dgl,
        from_networkx,
        from_pandas,
        from_pyg,
        from_pykeen,
        get_dataset,
        load_graph,
        merge_graphs,
        shipped,
        write_graph,
    )
    from kgdrug.splits import Draw, Finding, Split, audit, open_split, save_split, split_graph
    from kgdrug.trained import TrainedModel, save_trained
    from kgdrug.trained.dglke import read_dglke
    from kgdrug.training import Epoch, State, fit_metapaths, train

__all__ = [
    "DATASETS",
    "FORMS",
    "AmbiguousNameError",
    "Annotation",
    "Answer",
    "BadInputError",
    "Calibration",
    "DegreeCorrected",
    "Draw",
    "EntityType",
    "Epoch",
    "Experiment",
    "Finding",
    "KgdrugError",
    "KnowledgeGraph",
    "KnownFact",
    "KnownTails",
    "Metaedge",
    "MetapathModel",
    "Question",
    "Reading",
    "Run",
    "Split",
    "State",
    "TableModel",
    "Term",
    "TrainedModel",
    "TrainingConfig",
    "UnknownNameError",
    "UsageError",
    "Vocabulary",
    "answer",
    "audit",
    "build_graph",
    "calibrate",
    "compare",
    "describe",
    "drop_licences",
    "ensemble",
    "entity_frame",
    "evaluate",
    "evaluate_folds",
    "evaluate_pairs",
    "fit_metapaths",
    "flat_rows",
    "from_dgl",
    "from_networkx",
    "from_pandas",
    "from_pyg",
    "from_pykeen",
    "get_dataset",
    "graph_page",
    "keep_metaedges",
    "list_runs",
    "load_graph",
    "load_model",
    "make_split",
    "merge_graphs",
    "model_page",
    "open_split",
    "predict",
    "question",
    "read_dglke",
    "read_experiment",
    "resolve_model",
    "resume",
    "run",
    "save_graph",
    "save_split",
    "save_trained",
    "shipped",
    "show_run",
    "split_graph",
    "to_dgl",
    "to_networkx",
    "to_pandas",
    "to_pyg",
    "to_pykeen",
    "train",
    "write_graph",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'kgdrug' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
