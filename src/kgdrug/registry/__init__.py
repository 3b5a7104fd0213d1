"""Runs, datasets and models in MLflow."""

from kgdrug.registry.tracking import (
    FoundModel,
    RunSummary,
    Tracker,
    find_model,
    git_state,
    import_mlflow,
    list_runs,
    load_model,
    open_model,
    resolve_model,
    show_run,
    tracked,
    tracking_place,
    versions,
)

__all__ = [
    "FoundModel",
    "RunSummary",
    "Tracker",
    "find_model",
    "git_state",
    "import_mlflow",
    "list_runs",
    "load_model",
    "open_model",
    "resolve_model",
    "show_run",
    "tracked",
    "tracking_place",
    "versions",
]
