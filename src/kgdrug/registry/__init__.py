"""Runs, datasets and models in MLflow."""

from kgdrug.registry.tracking import (
    RunSummary,
    Tracker,
    git_state,
    import_mlflow,
    list_runs,
    load_model,
    open_model,
    resolve_model,
    show_run,
    tracked,
    versions,
)

__all__ = [
    "RunSummary",
    "Tracker",
    "git_state",
    "import_mlflow",
    "list_runs",
    "load_model",
    "open_model",
    "resolve_model",
    "show_run",
    "tracked",
    "versions",
]
