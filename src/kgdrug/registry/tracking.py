"""Every run tracked in MLflow without a line by the user, and runs and models found again.

`MLFLOW_TRACKING_URI` is respected; otherwise runs go to `mlflow.db` (SQLite) in the working folder, where
`mlflow ui` finds them.
"""

import logging
import os
import platform
import re
import socket
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from kgdrug.config import Experiment, flat
from kgdrug.errors import KgdrugError, UnknownNameError, UsageError, first_line
from kgdrug.trained import MANIFEST

if TYPE_CHECKING:
    from kgdrug.splits import Split
    from kgdrug.trained import ServedModel, TrainedModel
    from kgdrug.training import Epoch

ARTIFACT = "model"  # name of the logged model, and of the folder inside its artifacts
PACKAGES = ("kgdrug", "torch", "dgl", "numpy", "networkx", "pandas", "polars", "mlflow", "fastapi")
_TAG = "kgdrug.version"


def import_mlflow() -> ModuleType:
    """MLflow, quiet, without telemetry, on the user's tracking server or the local SQLite file."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not mlflow.is_tracking_uri_set():
        mlflow.set_tracking_uri(f"sqlite:///{Path.cwd() / 'mlflow.db'}")
    return mlflow  # type: ignore[no-any-return]


def without_login(text: str) -> str:
    """A text, such as an address, without the user and password that addresses in it may hold."""
    return re.sub(r"(?<=://)[^/?#\s]*@", "", text)


def reach_tracking(uri: str, seconds: float = 5) -> None:
    """A KgdrugError where nobody listens at a tracking server's place; MLflow would go on asking it for minutes.

    Who may ask, and how long an answer takes, is MLflow's matter.
    """
    if not uri.startswith(("http://", "https://")):
        return
    shown = without_login(uri)
    try:
        place = urlsplit(shown)
        host, port = place.hostname, place.port or (443 if place.scheme == "https" else 80)
        if not host:
            raise ValueError("no host is named")
        if {place.scheme, "all"} & getproxies().keys() and not proxy_bypass(host):
            return  # what stands behind a proxy cannot be seen from here
        socket.create_connection((host, port), seconds).close()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise KgdrugError(f"MLflow at {shown} does not answer: {why}; see MLFLOW_TRACKING_URI") from None


def tracking_place(mlflow: ModuleType) -> str:
    """Where runs are tracked, as it may be shown: without user and password."""
    return without_login(mlflow.get_tracking_uri())


@contextmanager
def _in_plain_words(mlflow: ModuleType) -> Iterator[None]:
    """What goes wrong in MLflow as a KgdrugError: its own errors, and those of the database and its driver below it."""
    try:
        yield
    except Exception as error:
        what = without_login(first_line(error))
        raise KgdrugError(f"MLflow at {tracking_place(mlflow)}: {what}; see MLFLOW_TRACKING_URI") from error


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_state(folder: Path) -> dict[str, str]:
    """Commit and dirtiness of the checkout around a folder; empty where there is none."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain") or ""
    # what runs write by default makes no checkout dirty
    ours = {f"?? {place}" for place in ("mlflow.db", "mlruns/", "mlartifacts/", "models/")}
    dirty = bool(set(changes.splitlines()) - ours)
    return {} if commit is None else {"git.commit": commit, "git.dirty": str(dirty).lower()}


@dataclass
class Tracker:
    """An open MLflow run. uri: where it is, see `tracking_place`."""

    mlflow: ModuleType
    run_id: str
    uri: str

    def epoch(self, epoch: "Epoch", member: int | None = None) -> None:
        """Log an epoch's numbers, as a step; of one of several members as `members.0.train.loss` and so on."""
        names = ("loss", "learning_rate", "seconds", "triples_per_second")
        values: dict[str, Any] = {"train": {name: getattr(epoch, name) for name in names}}
        if epoch.valid is not None:
            values["valid"] = epoch.valid
        self.mlflow.log_metrics(_numbers(values if member is None else _of_member(member, values)), step=epoch.number)

    def result(self, metrics: Mapping[str, Any], timings: Mapping[str, float]) -> None:
        """Log final metrics as `test.both.mrr` and so on, and timings as `seconds.train` and so on.

        Those of several members are `members.0.test.both.mrr` and so on. What there may be very many of, see
        `_headlines`, stands in `metrics.json` alone.
        """
        values = _numbers({"test": _headlines(metrics), "seconds": timings})
        for i, member in enumerate(metrics.get("members", [])):
            values |= _numbers(_of_member(i, {"test": {**_headlines(member), "valid": {}}, "best": member["valid"]}))
        self.mlflow.log_metrics(values)
        self.mlflow.log_dict(dict(metrics), "metrics.json")

    def model(self, folder: Path, example: Mapping[str, Any]) -> None:
        """Log a trained-model folder as a model that `mlflow.pyfunc.load_model` answers from."""
        with warnings.catch_warnings(record=True):  # of mlflow's advice to add type hints, see pyfunc.py
            from kgdrug.registry import pyfunc

            self.mlflow.pyfunc.log_model(
                name=ARTIFACT,
                python_model=str(Path(pyfunc.__file__)),
                artifacts={ARTIFACT: str(folder)},
                signature=pyfunc.signature(),
                input_example=[dict(example)],
                pip_requirements=[f"kgdrug=={versions()['kgdrug']}"],
            )


@contextmanager
def tracked(
    experiment: Experiment, split: "Split", device: str, run_name: str, run_id: str | None = None
) -> Iterator[Tracker]:
    """An MLflow run with all that decides it logged; it ends as failed or killed when the block does.

    run_id: a run to go on with, of a training that was stopped; what of its settings changed becomes tags `resumed.…`.
    """
    mlflow, git = import_mlflow(), git_state(Path.cwd())  # before this run writes anything into the checkout
    reach_tracking(mlflow.get_tracking_uri())
    with _in_plain_words(mlflow):
        mlflow.set_experiment(experiment.name)
        run = mlflow.start_run(run_id=run_id, run_name=None if run_id else run_name)
    tracker = Tracker(mlflow, run.info.run_id, tracking_place(mlflow))
    status = "FAILED"
    try:
        if run_id is None:
            settings = {key: str(value) for key, value in flat(experiment).items()}
            mlflow.log_params(settings)
            state = {f"version.{name}": number for name, number in versions().items()}
            mlflow.set_tags({_TAG: versions()["kgdrug"], "device": device, **state, **git})
            for dataset, context in _datasets(split):
                mlflow.log_input(dataset, context=context)
        else:
            logged = mlflow.get_run(run_id).data.params
            # a setting that was not there yet when the run began is no change
            changed = {
                key: value for key, value in flat(experiment).items() if logged.get(key, str(value)) != str(value)
            }
            mlflow.set_tags({f"resumed.{key}": str(value) for key, value in changed.items()})
        yield tracker
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        mlflow.end_run(status)


@dataclass(frozen=True)
class FoundModel:
    """Where a model lies. version: as `NAME/VERSION`, where the registry keeps it and was asked for it."""

    folder: Path
    version: str | None = None


class NoSuchModelError(UnknownNameError):
    """Nothing is where a model was looked for. why: the end of the message."""

    def __init__(self, model: str, why: str = "") -> None:
        super().__init__("model", model)
        self.args = (f"no such model: {model}{why}",)


def find_model(model: str) -> FoundModel:
    """The trained model that a user means: a folder, `NAME@ALIAS`, `NAME/VERSION` or `runs:ID`.

    NoSuchModelError where nothing is there, UsageError where it is no trained model.
    """
    try:
        if (Path(model) / MANIFEST).is_file():
            return FoundModel(Path(model))
        exists = Path(model).exists()
    except OSError as error:  # a name that is too long, a folder that is not ours to read
        raise NoSuchModelError(model, f" ({error.strerror})") from None
    name, _, number = model.rpartition("/")
    numbered = bool(name) and number.isdecimal()
    if not (model.startswith("runs:") or "@" in model or numbered):
        if exists:
            raise UsageError(f"{model} is not a trained model: it has no {MANIFEST}")
        raise NoSuchModelError(model, "; give a folder, NAME@ALIAS, NAME/VERSION or runs:ID")
    run_id = _run_id(model.removeprefix("runs:").strip("/")) if model.startswith("runs:") else None
    mlflow, version = import_mlflow(), None
    reach_tracking(mlflow.get_tracking_uri())
    try:
        if run_id is not None:
            uri = _logged_model(mlflow, run_id)
        else:  # an alias is looked up once: it may be given to another version at any time
            version = f"{name}/{int(number)}" if numbered else _aliased(mlflow, model)
            uri = f"models:/{version}"
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except Exception as error:  # also of the database below MLflow
        why = f" (MLflow at {tracking_place(mlflow)}: {without_login(first_line(error))})"
        raise NoSuchModelError(model, why) from error
    found = sorted(folder.rglob(MANIFEST))
    if not found:
        raise UsageError(f"{model} is an MLflow model, but not one that kgdrug trained")
    return FoundModel(found[0].parent, version)


def resolve_model(model: str) -> Path:
    """The folder of the trained model that a user means, see `find_model`."""
    return find_model(model).folder


def load_model(model: str | Path) -> "TrainedModel":
    """The trained model in a folder, or the one meant by `NAME@ALIAS`, `NAME/VERSION` or `runs:ID`."""
    from kgdrug.trained import load_trained

    return load_trained(resolve_model(str(model)))


def open_model(model: str | Path) -> "ServedModel":
    """The same, opened to be asked alone: without torch, and in a fraction of the time and memory."""
    from kgdrug.trained import open_served

    return open_served(resolve_model(str(model)))


@dataclass(frozen=True)
class RunSummary:
    """A tracked run; times in seconds since 1970 and seconds."""

    id: str
    name: str
    experiment: str
    status: str
    started: float
    seconds: float | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    datasets: Sequence[tuple[str, str, str]]  # name, digest, context


def list_runs(limit: int = 50) -> list[RunSummary]:
    """kgdrug's runs, newest first."""
    mlflow = import_mlflow()
    local = mlflow.get_tracking_uri().removeprefix("sqlite:///")
    if local.endswith(".db") and not Path(local).exists():
        return []  # asking would make the database
    reach_tracking(mlflow.get_tracking_uri())
    with _in_plain_words(mlflow):
        client = mlflow.MlflowClient()
        names = {e.experiment_id: e.name for e in client.search_experiments()}
        if not names:
            return []
        runs = client.search_runs(list(names), f"tags.`{_TAG}` != ''", max_results=limit, order_by=["start_time DESC"])
    return [_summary(run, names[run.info.experiment_id]) for run in runs]


def show_run(run_id: str) -> RunSummary:
    """The run of this id, or of the only id that starts so."""
    known = [run for run in list_runs(1000) if run.id.startswith(run_id) or run.name == run_id]
    if len(known) == 1:
        return known[0]
    problem = "several runs start so" if known else "no such run"
    raise UsageError(f"{problem}: {run_id}; see: kgdrug runs list")


def _logged_model(mlflow: ModuleType, run_id: str) -> str:
    """The address of a run's logged model: read in place where the store is local, `runs:/` would copy it."""
    outputs = mlflow.get_run(run_id).outputs
    logged = outputs.model_outputs if outputs else []
    return f"models:/{logged[0].model_id}" if len(logged) == 1 else f"runs:/{run_id}/{ARTIFACT}"


def _aliased(mlflow: ModuleType, model: str) -> str:
    """The version that an alias stands for."""
    name, _, alias = model.rpartition("@")
    return f"{name}/{mlflow.MlflowClient().get_model_version_by_alias(name, alias).version}"


def _run_id(text: str) -> str:
    """The id of the one run of kgdrug's whose id starts so; otherwise the text itself."""
    if not text:
        raise UsageError("no such model: runs: needs the id of a run; see: kgdrug runs list")
    matches = [run.id for run in list_runs(1000) if run.id.startswith(text)]
    return matches[0] if len(matches) == 1 else text


def _summary(run: Any, experiment: str) -> RunSummary:
    info, data = run.info, run.data
    seconds = (info.end_time - info.start_time) / 1000 if info.end_time else None
    inputs = [
        (i.dataset.name, i.dataset.digest, next((t.value for t in i.tags if t.key == "mlflow.data.context"), ""))
        for i in run.inputs.dataset_inputs
    ]
    return RunSummary(
        info.run_id, info.run_name, experiment, info.status, info.start_time / 1000, seconds,
        data.params, data.metrics, data.tags, inputs,
    )  # fmt: skip


def _datasets(split: "Split") -> Iterator[tuple[Any, str]]:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    graph = split.graph
    # MLflow keeps 36 characters of a digest; the whole stands in the tags of the source
    about = {
        "graph.digest": graph.digest,
        "split.digest": split.digest,
        **{f"split.{k}": str(v) for k, v in split.made.items()},
    }
    source = CodeDatasetSource(tags=about)
    yield MetaDataset(source, name=graph.name, digest=graph.digest[:36]), "graph"
    yield MetaDataset(source, name=f"{graph.name} split", digest=split.digest[:36]), "split"


def _of_member(i: int, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"members": {str(i): values}}


def _headlines(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report without what there may be very many of.

    That is the ends of intervals by metaedge, degree and baseline, the baselines by metaedge and degree, and the pairs
    by disease.
    """
    found = {key: value for key, value in report.items() if key not in ("baselines_by_metaedge", "baselines_by_degree")}
    for part in ("by_metaedge", "by_degree", "baselines", "baselines_by_side", "baselines_by_disease"):
        if part in found:
            found[part] = _without_ends(found[part])
    if found.get("pairs"):
        pairs = {key: value for key, value in found["pairs"].items() if key != "by_disease"}
        found["pairs"] = pairs | {"baselines": _without_ends(pairs["baselines"])}
    return found


def _without_ends(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: _without_ends(inner) for key, inner in value.items() if not key.endswith(("_low", "_high"))}


def _numbers(nested: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Finite numbers of a nested mapping, by dotted name; MLflow's names allow no `>`, which `Gr>G` has."""
    result: dict[str, float] = {}
    for key, value in nested.items():
        name = prefix + key.replace(">", "-")
        if isinstance(value, Mapping):
            result |= _numbers(value, name + ".")
        elif isinstance(value, int | float) and value == value:
            result[name] = float(value)
    return result
