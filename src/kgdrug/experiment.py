"""One experiment to a trained, evaluated, tracked model."""

import contextlib
import itertools
import logging
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kgdrug.config import FITTED, Experiment, flat, override, unused
from kgdrug.errors import UsageError, did_you_mean
from kgdrug.evaluation import (
    evaluate,
    metrics,
    on_test,
    rank_triples,
)
from kgdrug.graph.store import fresh_folder, refuse_existing
from kgdrug.models import TableModel, pick_device
from kgdrug.registry import Tracker, tracked
from kgdrug.sources import load_graph, shipped
from kgdrug.splits import Split, given_away_rows, open_split, split_graph
from kgdrug.trained import MANIFEST, Ensemble, TrainedModel, load_trained, save_trained, together, weigh
from kgdrug.training import (
    TRAINING_FILE,
    Checkpoint,
    Checkpoints,
    State,
    Stop,
    Stopped,
    check_trainable,
    fit_metapaths,
    is_over,
    keep_freed_memory,
    load_checkpoint,
    load_stopped,
    look,
    save_stopped,
    stop_on_signals,
    train,
    valid_mrr,
)
from kgdrug.training.recipe import with_recipe

log = logging.getLogger(__name__)

PARTIAL = ".partial"  # after a model folder's name: where the checkpoints of its training lie
ADJUSTABLE = (
    "device",
    "training.epochs",
    "training.patience",
    "training.valid_every",
    "training.checkpoint_every",
)  # what may change when a training goes on
Watch = Callable[[Iterable[Any]], Iterable[Any]]  # of `Epoch`, or of `Progress` where a model is fitted


@dataclass(frozen=True)
class Run:
    """What came of an experiment. seconds: by stage, `data`, `train` and `evaluate`."""

    model: TrainedModel
    folder: Path
    run_id: str
    tracking_uri: str
    seconds: dict[str, float]


class RunInterruptedError(KeyboardInterrupt):
    """A training was stopped by a signal; `resume` goes on with it."""

    def __init__(self, folder: Path, signal_number: int) -> None:
        self.folder, self.signal = folder, signal.Signals(signal_number)
        super().__init__(f"training of {folder} was stopped by {self.signal.name}")


def find_experiment(name: str | Path) -> Path:
    """The experiment file of this name, or the one that comes with kgdrug: `essential`, with `.toml` or without."""
    path, folder = Path(name), shipped("experiments")
    if path.is_file():
        return path
    known = {file.stem: file for file in sorted(folder.glob("*.toml"))}
    if str(path.parent) in (".", "experiments") and path.suffix in ("", ".toml") and path.stem in known:
        return known[path.stem]
    if path.exists():  # a folder, which reading tells of
        return path
    there = f"with kgdrug come {', '.join(known)}"
    raise UsageError(f"no such experiment file: {path}{did_you_mean(path.stem, known)}; {there}")


def make_split(experiment: Experiment) -> Split:
    """The graph of an experiment, parted as it says."""
    if experiment.graph.splits is not None:
        return open_split(experiment.graph.splits)
    assert experiment.graph.source is not None
    return split_graph(load_graph(experiment.graph.source), experiment.split)


def _warn_of_leaks(split: Split) -> None:
    if leaked := len(given_away_rows(split)):
        log.warning(
            "training gives away %s of %s test triples; kgdrug audit says which, and what to do",
            leaked,
            len(split.test),
        )


def run(
    experiment: Experiment,
    out: str | Path | None = None,
    *,
    force: bool = False,
    keep_checkpoints: bool = False,
    watch: Watch = iter,
) -> Run:
    """Train, evaluate, save and track a model; with `seeds`, a model of as many members.

    out: the folder to write; by default `models/<run name>`. One that exists is refused without `force`.
    keep_checkpoints: leave them in `<out>.partial`, so that `resume` can give a finished training more epochs.
    watch: wraps the epochs as they come, those of each member for itself, to show progress; of a model that is fitted,
    such as `metapaths`, its `Progress`.
    """
    name = f"{experiment.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = Path(out) if out is not None else Path("models") / name
    refuse_existing(folder, force)
    if names := unused(experiment):
        log.warning("the score %s makes no use of %s", experiment.model.score, ", ".join(names))
    if experiment.model.score in FITTED:
        if keep_checkpoints:
            raise UsageError(f"a model of {experiment.model.score} is fitted in one go and has no checkpoints to keep")
        return _fit(experiment, folder, force, watch)
    checkpoints = _checkpoints_of(folder)
    if (checkpoints / TRAINING_FILE).exists() and not force:
        raise UsageError(
            f"a stopped training lies in {checkpoints}; go on with --resume {folder}, or --force to start again"
        )
    return _carry_out(experiment, folder, Stopped(experiment, "", "", force, keep_checkpoints), watch)


def resume(folder: str | Path, settings: Sequence[str] = (), *, watch: Watch = iter) -> Run:
    """Go on with a training that was stopped, to the same bits (on the CPU) as if it had not been.

    folder: the model folder that was to be written; settings: those of `ADJUSTABLE` may change, such as
    `training.epochs=50`, which gives more epochs to a training that was stopped, or finished with its checkpoints kept.
    """
    folder, stopped = find_stopped(folder, settings)
    return _carry_out(stopped.experiment, folder, stopped, watch)


def _fit(experiment: Experiment, folder: Path, force: bool, watch: Watch) -> Run:
    """Fit, evaluate, save and track a model that has no epochs."""
    started = time.perf_counter()
    split = make_split(experiment)
    _warn_of_leaks(split)
    seconds = {"data": time.perf_counter() - started}
    with tracked(experiment, split, "cpu", folder.name) as tracker:
        started = time.perf_counter()
        model = fit_metapaths(split, experiment.metapaths, experiment.seed, watch)
        seconds["train"], started = time.perf_counter() - started, time.perf_counter()
        trained = TrainedModel([model], split, experiment)
        report = evaluate(trained, split, experiment.evaluation.candidates)
        report |= {"valid": {"mrr": valid_mrr(split)(model) if len(split.valid) else None}, "fit": dict(model.about)}
        seconds["evaluate"] = time.perf_counter() - started
        with fresh_folder(folder, force) as writing:
            save_trained(replace(trained, metrics={**report, "seconds": seconds}), writing)
        tracker.result(report, seconds)
        tracker.model(folder, example_question(split))
    return Run(load_trained(folder), folder, tracker.run_id, tracker.uri, seconds)


def ensemble(
    models: Sequence[TrainedModel],
    out: str | Path,
    *,
    weights: Sequence[int] | None = None,
    name: str = "ensemble",
    force: bool = False,
) -> tuple[Ensemble, Run | None]:
    """Put models of one split together, if that wins on valid; what valid says, and the run, None where one alone wins.

    out: the folder to write. weights: a whole number for each model, instead of what valid would choose; then they are
    put together whatever valid says. The ensemble is evaluated, saved and tracked like a training.
    """
    folder, started = Path(out), time.perf_counter()
    refuse_existing(folder, force)
    found = weigh(models, weights)
    if weights is None and not found.wins:
        return found, None
    seconds = {"train": time.perf_counter() - started}
    used = [(model, weight) for model, weight in zip(models, found.weights, strict=True) if weight]
    trained = together([model for model, _ in used], [weight for _, weight in used], name)
    with tracked(trained.experiment, trained.split, "cpu", folder.name) as tracker:
        started = time.perf_counter()
        report = evaluate(trained, trained.split, trained.experiment.evaluation.candidates)
        of = [
            {"name": model.name, "digest": model.digest, "score": model.experiment.model.score, "weight": weight,
             "valid": {"mrr": alone}}
            for model, weight, alone in zip(models, found.weights, found.alone, strict=True)
        ]  # fmt: skip
        report |= {"valid": {"mrr": found.weighted}, "ensemble": {"of": of, "average": {"mrr": found.average}}}
        seconds["evaluate"] = time.perf_counter() - started
        with fresh_folder(folder, force) as writing:
            save_trained(replace(trained, metrics={**report, "seconds": seconds}), writing)
        tracker.result(report, seconds)
        tracker.model(folder, example_question(trained.split))
    return found, Run(load_trained(folder), folder, tracker.run_id, tracker.uri, seconds)


def find_stopped(folder: str | Path, settings: Sequence[str] = ()) -> tuple[Path, Stopped]:
    """The model folder of a stopped training, and what is trained, with settings put over its experiment."""
    folder = Path(folder)
    if folder.name.endswith(PARTIAL) and (folder / TRAINING_FILE).exists():
        folder = folder.with_name(folder.name.removesuffix(PARTIAL))
    checkpoints, finished = _checkpoints_of(folder), (folder / MANIFEST).is_file()
    if not (checkpoints / TRAINING_FILE).is_file():
        if any(checkpoints.glob("*.safetensors")):
            raise UsageError(f"{checkpoints} was written by another version of kgdrug; start again with --force")
        if finished and (score := load_trained(folder, check=False).experiment.model.score) in FITTED:
            raise UsageError(f"nothing to resume: {folder} is a finished model of {score}, which are fitted in one go")
        if finished:
            raise UsageError(
                f"nothing to resume: {folder} is a finished model, and the checkpoints of its training were not kept; "
                "--keep-checkpoints keeps them"
            )
        raise UsageError(f"nothing to resume: there are no checkpoints in {checkpoints}")
    stopped = load_stopped(checkpoints)
    if finished and not (stopped.finished or stopped.force):  # killed between its last two acts
        raise UsageError(f"nothing to resume: {folder} is a finished model; {checkpoints} is left over, remove it")
    experiment = override(stopped.experiment, settings) if settings else stopped.experiment
    before, after = flat(stopped.experiment), flat(experiment)
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    fixed_ones = [key for key in changed if key not in ADJUSTABLE]
    if fixed_ones:
        key = fixed_ones[0]
        raise UsageError(
            f"{key} was {before.get(key)!r} when this training began, and a training that goes on keeps it; "
            f"only {', '.join(ADJUSTABLE)} can change"
        )
    if stopped.finished and not changed:
        raise UsageError(
            f"nothing to resume: {folder} is a finished model; give it more epochs with --set training.epochs=N"
        )
    return folder, replace(stopped, experiment=experiment)


def _carry_out(experiment: Experiment, folder: Path, stopped: Stopped, watch: Watch) -> Run:
    """Begin a run, or go on with one where `stopped` says which."""
    refuse_existing(folder, stopped.force or stopped.finished)
    started, going_on, checkpoints = time.perf_counter(), bool(stopped.run_id), _checkpoints_of(folder)
    device = pick_device(experiment.device)
    keep_freed_memory()
    split = make_split(experiment)
    experiment = with_recipe(experiment, split)
    if going_on and split.digest != stopped.split:
        raise UsageError(f"the graph or its split is another than when {folder} was stopped; start again with --force")
    if experiment.evaluation.candidates == "all" and experiment.training.candidates != "all" and split.graph.typed:
        raise UsageError(
            "evaluation.candidates = 'all' needs training.candidates = 'all': a model that never saw negatives of "
            "other types ranks them at random"
        )
    check_trainable(experiment.model.score, experiment.training)
    if split.passed_over:
        log.warning("the split, %s: %s", split.made.get("kind"), ", ".join(split.passed_over))
    _warn_of_leaks(split)
    first = _begin(experiment, split, 0, checkpoints if going_on else None, device)
    if stopped.finished and all(_ended(experiment, i, checkpoints) for i in range(experiment.seeds)):
        raise UsageError(
            f"nothing to resume: {folder} is finished, by training.epochs = {experiment.training.epochs} and "
            f"training.patience = {experiment.training.patience}; raise what ended it"
        )
    seconds = {"data": time.perf_counter() - started}
    if not going_on:
        shutil.rmtree(checkpoints, ignore_errors=True)

    with tracked(experiment, split, str(device), folder.name, stopped.run_id or None) as tracker:
        force = stopped.force or stopped.finished
        stopped = Stopped(experiment, split.digest, tracker.run_id, force, stopped.keep)
        with _folder_of_checkpoints(checkpoints, folder):
            save_stopped(stopped, checkpoints)
            training = _Training(split, experiment, checkpoints, device, tracker, watch)
            members = training.members(first)
            seconds["train"] = sum(member.seconds for member in members)
            started = time.perf_counter()
            trained = TrainedModel([member.model for member in members], split, experiment)
            report = evaluate(trained, split, experiment.evaluation.candidates)
            report |= _valid_and_members(trained, members, experiment.evaluation.candidates)
            seconds["evaluate"] = time.perf_counter() - started
            with fresh_folder(folder, force) as writing:
                save_trained(replace(trained, metrics={**report, "seconds": seconds}), writing)
        if stopped.keep:
            save_stopped(replace(stopped, finished=True), checkpoints)
        else:
            shutil.rmtree(checkpoints, ignore_errors=True)
        tracker.result(report, seconds)
        tracker.model(folder, example_question(split))
    return Run(load_trained(folder), folder, tracker.run_id, tracker.uri, seconds)


@dataclass(frozen=True)
class _Member:
    """What came of one seed: the tables of its best epoch, that epoch and its valid MRR, and the seconds it took."""

    model: TableModel
    seed: int
    valid: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class _Training:
    """The members of a run, trained one after another."""

    split: Split
    experiment: Experiment
    folder: Path
    device: torch.device
    tracker: Tracker
    watch: Watch

    def members(self, first: Checkpoint) -> list[_Member]:
        """Every member at its end; those that lie finished in the folder are read there."""
        writer, done = Checkpoints(self.experiment.training.checkpoint_every), []
        with stop_on_signals() as stop:
            for i in range(self.experiment.seeds):
                member = _begin(self.experiment, self.split, i, self.folder, self.device) if i else first
                self.train(member, i, writer, stop)
                if stop.signal is not None:
                    raise RunInterruptedError(self.folder, stop.signal)
                if not member.state.best_epoch:  # it ended before its first look, by fewer epochs than it began with
                    look(member.state, self.split, self.experiment.training)
                    member.best = member.state.model.clone()
                mrr = member.state.best_mrr if len(self.split.valid) else None
                valid = {"epoch": member.state.best_epoch, "mrr": mrr}
                done.append(_Member(member.best, member.seed, valid, member.seconds))
        return done

    def train(self, member: Checkpoint, i: int, writer: Checkpoints, stop: Stop) -> None:
        """Train one member in place until it ends or is asked to stop, and leave its checkpoint in the folder."""
        config, path, state = self.experiment.training, _path(self.folder, i), member.state
        written = (state.epoch, state.batch) if path.is_file() else None
        before, started = member.seconds, time.perf_counter()
        for epoch in self.watch(train(state, self.split, config, member.seed, stop)):
            self.tracker.epoch(epoch, i if self.experiment.seeds > 1 else None)
            if epoch.best:
                member.best = state.model.clone()
            member.seconds = before + time.perf_counter() - started
            if writer.offer(member, path):
                written = state.epoch, state.batch
        if written != (state.epoch, state.batch):
            member.seconds = before + time.perf_counter() - started
            writer.write(member, path)


@contextlib.contextmanager
def _folder_of_checkpoints(checkpoints: Path, folder: Path) -> Iterator[None]:
    """The folder is there in the block, and stays when that fails, if it holds what can be gone on with."""
    made = list(itertools.takewhile(lambda parent: not parent.exists(), checkpoints.parents))
    checkpoints.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except RunInterruptedError as error:
        raise RunInterruptedError(folder, error.signal) from None
    except KeyboardInterrupt:  # a second Ctrl-C, or one after the training
        raise RunInterruptedError(folder, signal.SIGINT) from None
    except Exception:
        if not any(checkpoints.glob("*.safetensors")):
            shutil.rmtree(checkpoints, ignore_errors=True)
            for parent in made:
                with contextlib.suppress(OSError):  # not empty: something else was put there
                    parent.rmdir()
        raise


def _begin(experiment: Experiment, split: Split, i: int, folder: Path | None, device: torch.device) -> Checkpoint:
    """A member as it lies in the folder, or before its first step."""
    if folder is not None and _path(folder, i).is_file():
        return load_checkpoint(_path(folder, i), str(device))
    graph, config, seed = split.graph, experiment.model, experiment.seed + i
    model = TableModel.create(config.score, len(graph.entities), graph.relations, config.dimension, seed).to(device)
    return Checkpoint(State.fresh(model), model.clone(), seed)


def _valid_and_members(trained: TrainedModel, members: Sequence[_Member], candidates: str) -> dict[str, Any]:
    """`valid`: the MRR on the valid triples that chose the model, and the epoch; of several members, that of the whole.

    `members`: where there are several, the seed, `valid` and test metrics of each.
    """
    split, training = trained.split, trained.experiment.training
    if len(members) == 1:
        return {"valid": members[0].valid}
    valid = metrics(rank_triples(trained, split.valid, split.known, split.graph, training.candidates))
    each = [{"seed": m.seed, "valid": m.valid, **on_test(m.model, split, candidates)} for m in members]
    return {"valid": {"mrr": valid["mrr"] if len(split.valid) else None}, "members": each}


def _ended(experiment: Experiment, i: int, folder: Path) -> bool:
    """Whether the member that lies in the folder has nothing left to do."""
    return is_over(load_checkpoint(_path(folder, i)).state, experiment.training)


def _path(folder: Path, i: int) -> Path:
    return folder / f"{i}.safetensors"


def _checkpoints_of(folder: Path) -> Path:
    return folder.with_name(folder.name + PARTIAL)


def example_question(split: Split) -> dict[str, Any]:
    """A question that the model can answer, for MLflow's input example."""
    graph = split.graph
    triples = split.test if len(split.test) else split.train
    head, relation, _ = (int(x) for x in triples[0])
    return {"head": graph.entities.ids[head], "relation": graph.metaedges[relation].abbreviation, "top": 5}
