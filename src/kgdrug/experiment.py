"""One experiment to a trained, evaluated, tracked model."""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgdrug.config import Experiment, to_dict
from kgdrug.errors import UsageError
from kgdrug.evaluation import evaluate
from kgdrug.graph.store import fresh_folder, refuse_existing
from kgdrug.models import TableModel, pick_device
from kgdrug.registry import tracked
from kgdrug.sources import load_graph
from kgdrug.splits import Split, fixed, hold_out_given, hold_out_pairs, hold_out_triples
from kgdrug.trained import TrainedModel, load_trained, save_trained
from kgdrug.training import Checkpoint, Epoch, State, keep_freed_memory, load_checkpoint, save_checkpoint, train

CHECKPOINT_SECONDS = 10.0  # a checkpoint is written after an epoch when the last one is at least this old


@dataclass(frozen=True)
class Run:
    """What came of an experiment. seconds: by stage, `data`, `train` and `evaluate`."""

    model: TrainedModel
    folder: Path
    run_id: str
    tracking_uri: str
    seconds: dict[str, float]


class RunInterruptedError(KeyboardInterrupt):
    """A training was stopped by hand; what its last checkpoint holds can be resumed."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.folder, self.resumable = folder, checkpoint.is_file()
        super().__init__(f"training of {folder} was stopped")


def make_split(experiment: Experiment) -> Split:
    """The graph of an experiment, parted as it says."""
    graph_config, split = experiment.graph, experiment.split
    if graph_config.splits is not None:
        return fixed(graph_config.splits)
    assert graph_config.source is not None
    graph = load_graph(graph_config.source)
    if split.kind == "given":
        assert split.folder is not None
        return hold_out_given(graph, split.folder)
    hold_out = hold_out_pairs if split.kind == "pairs" else hold_out_triples
    return hold_out(graph, split.valid, split.test, split.seed)


def run(
    experiment: Experiment,
    out: str | Path | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    watch: Callable[[Iterable[Epoch]], Iterable[Epoch]] = iter,
) -> Run:
    """Train, evaluate, save and track a model.

    out: the folder to write; by default `models/<run name>`. One that exists is refused without `force`.
    resume: go on with a training into the same `out` that was stopped; its checkpoints lie beside it, in
    `<out>.partial`. watch: wraps the epochs as they come, to show progress.
    """
    name = f"{experiment.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = Path(out) if out is not None else Path("models") / name
    refuse_existing(folder, force)
    started = time.perf_counter()
    device = pick_device(experiment.device)
    keep_freed_memory()
    split = make_split(experiment)
    if experiment.evaluation.candidates == "all" and experiment.training.candidates != "all" and split.graph.typed:
        raise UsageError(
            "evaluation.candidates = 'all' needs training.candidates = 'all': a model that never saw negatives of "
            "other types ranks them at random"
        )
    path = folder.with_name(folder.name + ".partial") / "checkpoint.safetensors"
    checkpoint = _start(experiment, split, path, resume, force, str(device))
    seconds = {"data": time.perf_counter() - started}

    with tracked(experiment, split, str(device), folder.name, checkpoint.about.get("run_id")) as tracker:
        checkpoint.about = {**checkpoint.about, "run_id": tracker.run_id}
        started, saved = time.perf_counter(), time.monotonic()
        try:
            for epoch in watch(train(checkpoint.state, split, experiment.training, experiment.seed)):
                tracker.epoch(epoch)
                if epoch.best:
                    checkpoint.best = checkpoint.state.model.clone()
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    save_checkpoint(checkpoint, path)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            raise RunInterruptedError(folder, path) from None
        seconds["train"] = time.perf_counter() - started
        started = time.perf_counter()
        report = evaluate(checkpoint.best, split, experiment.evaluation.candidates)
        seconds["evaluate"] = time.perf_counter() - started
        best = {"epoch": checkpoint.state.best_epoch, "mrr": checkpoint.state.best_mrr}
        metrics: dict[str, Any] = {**report, "valid": best, "seconds": seconds}
        trained = TrainedModel([checkpoint.best.to("cpu")], split, experiment, metrics)
        with fresh_folder(folder, force) as writing:
            save_trained(trained, writing)
        tracker.result(report, seconds)
        tracker.model(folder, example_question(split))
    shutil.rmtree(path.parent, ignore_errors=True)
    return Run(load_trained(folder), folder, tracker.run_id, tracker.uri, seconds)


def evaluate_trained(model: TrainedModel, candidates: str | None = None) -> dict[str, Any]:
    """`evaluate` a trained model on its own test triples; candidates: by default as its experiment says."""
    if not len(model.split.test):
        imported = "imported" in model.metrics
        why = "an imported model is judged where its test triples are" if imported else "its split left none"
        raise UsageError(f"{model.name} has no test triples to be evaluated on: {why}")
    candidates = candidates or model.experiment.evaluation.candidates
    if candidates == "all" and not model.scores_all_entities:
        raise UsageError(
            "this model's ranks among all entities mean nothing: it never saw negatives of other types; "
            "train it with training.candidates = 'all', or use --candidates typed"
        )
    return evaluate(model, model.split, candidates)


def example_question(split: Split) -> dict[str, Any]:
    """A question that the model can answer, for MLflow's input example."""
    graph = split.graph
    triples = split.test if len(split.test) else split.train
    head, relation, _ = (int(x) for x in triples[0])
    return {"head": graph.entities.ids[head], "relation": graph.metaedges[relation].abbreviation, "top": 5}


def _start(experiment: Experiment, split: Split, path: Path, resume: bool, force: bool, device: str) -> Checkpoint:
    about = {"experiment": to_dict(experiment), "split": split.digest}
    if path.is_file() and not resume:
        if not force:
            raise UsageError(
                f"a stopped training lies in {path.parent}; go on with --resume, or --force to start again"
            )
        path.unlink()
    if resume:
        if not path.is_file():
            raise UsageError(f"nothing to resume: there is no {path}")
        checkpoint = load_checkpoint(path, device)
        for what, value in about.items():
            if checkpoint.about.get(what) != value:
                raise UsageError(f"{path} is of another {what}; start again without --resume")
        return checkpoint
    graph, config = split.graph, experiment.model
    model = TableModel.create(config.score, len(graph.entities), graph.relations, config.dimension, experiment.seed)
    model = model.to(device)
    return Checkpoint(State.fresh(model), model.clone(), about)
