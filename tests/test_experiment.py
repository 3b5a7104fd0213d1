"""One experiment to a trained, evaluated, tracked model: what is made, refused, repeated and resumed."""

import itertools
import re
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

import kgdrug.evaluation
import kgdrug.experiment
import kgdrug.training.loop
from kgdrug import Run, list_runs, load_model, make_split, predict, read_experiment, resume, run, show_run
from kgdrug.config import Experiment
from kgdrug.errors import BadInputError, KgdrugError, UsageError
from kgdrug.evaluation import evaluate
from kgdrug.experiment import RunInterruptedError
from kgdrug.judging import evaluate_trained
from kgdrug.trained import TrainedModel
from kgdrug.training import Epoch, load_checkpoint
from kgdrug.training.batches import Batches
from kgdrug.training.recipe import with_recipe

pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")
Reader = Callable[..., Experiment]


@pytest.fixture
def small(experiment_file: Path) -> Reader:
    """The small experiment, with settings put over it."""

    def read(*settings: str) -> Experiment:
        return read_experiment(experiment_file, settings)

    return read


def stop_in(
    number: int, error: type[BaseException] = KeyboardInterrupt
) -> Callable[[Iterable[Epoch]], Iterator[Epoch]]:
    """A watcher that presses Ctrl-C, or fails, when this epoch is done and before it is written down."""

    def watch(epochs: Iterable[Epoch]) -> Iterator[Epoch]:
        for epoch in epochs:
            if epoch.number == number:
                raise error
            yield epoch

    return watch


def same_tables(one: TrainedModel, other: TrainedModel) -> bool:
    pairs = zip(one.members, other.members, strict=True)
    return all(torch.equal(a.entity, b.entity) and torch.equal(a.relation, b.relation) for a, b in pairs)


def everything_in(folder: Path) -> set[str]:
    """What lies in a folder, but for MLflow's own."""
    return {p.name for p in folder.iterdir()} - {"mlflow.db", "mlruns"}


# what is made


def test_the_model_that_is_returned_is_the_one_on_disk(trained_run: Run) -> None:
    loaded = load_model(trained_run.folder)
    assert loaded.digest == trained_run.model.digest
    assert same_tables(loaded, trained_run.model)
    assert predict(loaded, disease="asthma") == predict(trained_run.model, disease="asthma")


def test_the_metrics_in_the_folder_are_the_models_own(trained_run: Run) -> None:
    model = trained_run.model
    report = evaluate(model, model.split)
    assert {key: model.metrics[key] for key in report} == report
    assert evaluate_trained(model) == report
    assert model.metrics["valid"]["epoch"] in range(1, 9)
    assert model.metrics["seconds"].keys() == trained_run.seconds.keys()


def test_the_best_epochs_tables_are_kept_not_the_last_ones(trained_run: Run) -> None:
    model = trained_run.model
    from kgdrug.evaluation import metrics, rank_triples

    valid = metrics(rank_triples(model, model.split.valid, model.split.known, model.graph))
    assert valid["mrr"] == model.metrics["valid"]["mrr"]


def test_a_held_out_pair_is_in_no_training_triple(trained_run: Run) -> None:
    split = trained_run.model.split
    held = {frozenset((int(h), int(t))) for part in (split.valid, split.test) for h, _, t in part}
    assert held
    assert not held & {frozenset((int(h), int(t))) for h, _, t in split.train}


def test_by_default_the_folder_is_named_by_the_run(desk: Path, small: Reader) -> None:
    done = run(small("training.epochs=1"))
    assert done.folder.parent == Path("models")
    assert done.folder.name.startswith("small-")
    assert show_run(done.run_id).name == done.folder.name
    assert everything_in(desk) == {"models"}
    assert everything_in(desk / "models") == {done.folder.name}


def test_two_runs_with_one_seed_are_equal_to_the_bit_and_another_seed_is_not(
    desk: Path, small: Reader, trained_run: Run
) -> None:
    again, other = run(small(), "again"), run(small("seed=8"), "other")
    assert same_tables(again.model, trained_run.model)
    assert again.model.split.digest == trained_run.model.split.digest
    report = set(again.model.metrics) - {"seconds"}
    assert {key: again.model.metrics[key] for key in report} == {key: trained_run.model.metrics[key] for key in report}
    assert not same_tables(other.model, trained_run.model)
    assert again.model.digest == trained_run.model.digest  # though one took longer
    assert other.model.digest != again.model.digest


def test_a_folder_of_fixed_parts_is_trained_on_and_ranked_among_all(desk: Path) -> None:
    (desk / "parts").mkdir()
    facts = [f"e{i}\tnext\te{(i + 1) % 12}\n" for i in range(12)] + [f"e{i}\ttwin\te{i}\n" for i in range(4)]
    for part, lines in {"train": facts[:12], "valid": facts[12:14], "test": facts[14:]}.items():
        (desk / "parts" / f"{part}.tsv").write_text("".join(lines))
    (desk / "fixed.toml").write_text(
        'name = "fixed"\n[graph]\nsplits = "parts"\n[model]\ndimension = 8\n[training]\nepochs = 2\n'
    )
    done = run(read_experiment("fixed.toml"), "model")
    assert done.model.metrics["candidates"] == "all"
    assert evaluate_trained(done.model, "all") == evaluate(done.model, done.model.split, "all")
    assert [a.rank for a in predict(done.model, head="e1", relation="next", top=3)] == [1, 2, 3]


# what is refused


def test_ranks_among_all_entities_are_refused_where_training_saw_negatives_of_one_type(
    desk: Path, small: Reader, trained_run: Run
) -> None:
    with pytest.raises(UsageError, match=r"evaluation\.candidates = 'all' needs training\.candidates = 'all'"):
        run(small("evaluation.candidates=all"), "model")
    assert everything_in(desk) == set()
    assert list_runs() == []
    with pytest.raises(UsageError, match="never saw negatives of other types"):
        evaluate_trained(trained_run.model, "all")


def test_ranks_among_all_entities_are_given_where_training_saw_negatives_of_every_type(
    desk: Path, small: Reader
) -> None:
    settings = ("training.candidates=all", "evaluation.candidates=all", "training.epochs=2")
    model = run(small(*settings), "model").model
    assert model.metrics["candidates"] == "all"
    assert evaluate_trained(model) == evaluate(model, model.split, "all")
    assert evaluate_trained(model, "typed") == evaluate(model, model.split, "typed")


def test_a_folder_that_is_there_is_refused_before_any_work_and_replaced_with_force(desk: Path, small: Reader) -> None:
    first = run(small("training.epochs=1"), "model")
    with pytest.raises(UsageError, match=r"model exists; give another place, or --force"):
        run(small("training.epochs=1", "seed=1"), "model")
    assert [r.id for r in list_runs()] == [first.run_id]
    assert load_model("model").digest == first.model.digest
    second = run(small("training.epochs=1", "seed=1"), "model", force=True)
    assert load_model("model").digest == second.model.digest != first.model.digest


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["graph.source=nowhere"], "no such graph: 'nowhere'"),
        (["device=gpu9"], "device is 'gpu9', which is not to be had here"),
        (["model.dimension=7"], r"model\.dimension is 7; complex needs a multiple of 2"),
        (["split.test=0.99"], "below 1"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_a_run_begins(
    desk: Path, small: Reader, settings: Sequence[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run(small(*settings), "model")
    assert list_runs() == []
    assert everything_in(desk) == set()


# what goes wrong


def test_a_run_that_fails_in_training_ends_as_failed_and_leaves_no_model(desk: Path, small: Reader) -> None:
    with pytest.raises(ZeroDivisionError):
        run(small(), "model", watch=stop_in(3, ZeroDivisionError))
    (failed,) = list_runs()
    assert failed.status == "FAILED"
    assert failed.params["training.epochs"] == "8"
    assert failed.metrics["train.loss"] > 0
    assert everything_in(desk) == {"model.partial"}
    assert resume("model").run_id == failed.id


def test_a_run_that_fails_before_its_first_checkpoint_leaves_nothing(desk: Path, small: Reader) -> None:
    with pytest.raises(ZeroDivisionError):
        run(small(), "new/model", watch=stop_in(1, ZeroDivisionError))
    assert everything_in(desk) == set()


def test_a_run_whose_loss_explodes_says_what_to_do(desk: Path, small: Reader) -> None:
    with pytest.raises(KgdrugError, match=r"lower (training\.learning_rate|learning rate)"):
        run(small("training.learning_rate=1e30", "model.score=transe"), "model")
    assert [r.status for r in list_runs()] == ["FAILED"]
    assert everything_in(desk) == set()


def test_a_model_that_cannot_be_written_leaves_the_old_one_in_place(
    desk: Path, small: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = run(small("training.epochs=1"), "model").model

    def disk_full(model: TrainedModel, folder: Path) -> None:
        (folder / "graph.json").write_text("{")
        raise OSError("no space left on device")

    monkeypatch.setattr(kgdrug.experiment, "save_trained", disk_full)
    with pytest.raises(OSError, match="no space left"):
        run(small("training.epochs=1"), "model", force=True)
    assert [r.status for r in list_runs()] == ["FAILED", "FINISHED"]
    assert everything_in(desk) == {"model", "model.partial"}
    assert load_model("model").digest == old.digest
    monkeypatch.undo()
    monkeypatch.chdir(desk)
    assert same_tables(resume("model").model, old)  # nothing is trained again
    assert everything_in(desk) == {"model"}


# what is stopped and resumed


def signalled_after(steps: int, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process gets a signal in the training step of this number, counted from here on."""
    take, taken = kgdrug.training.loop.step, itertools.count(1)

    def step(*words: Any) -> Any:
        if next(taken) == steps:
            signal.raise_signal(number)
        return take(*words)

    monkeypatch.setattr("kgdrug.training.loop.step", step)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_gets_a_signal_stops_after_the_step_and_ends_equal_to_the_bit(
    desk: Path, small: Reader, trained_run: Run, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with pytest.MonkeyPatch.context() as patch:
        signalled_after(21, number, patch)
        with pytest.raises(RunInterruptedError) as stopped:
            run(small(), "model")
    assert (stopped.value.folder, stopped.value.signal) == (Path("model"), number)
    assert signal.getsignal(number) == before
    assert everything_in(desk) == {"model.partial"}
    (killed,) = list_runs()
    assert killed.status == "KILLED"
    assert load_checkpoint(desk / "model.partial/0.safetensors").state.batch > 0

    done = resume("model")
    assert same_tables(done.model, trained_run.model)
    assert done.model.metrics["valid"] == trained_run.model.metrics["valid"]
    assert done.run_id == killed.id
    assert [r.status for r in list_runs()] == ["FINISHED"]
    assert everything_in(desk) == {"model"}

    import mlflow

    history = mlflow.MlflowClient().get_metric_history(done.run_id, "train.loss")
    assert sorted(metric.step for metric in history) == list(range(1, 9))


def test_what_was_trained_after_the_last_checkpoint_is_trained_again_to_the_same(
    desk: Path, small: Reader, trained_run: Run
) -> None:
    with pytest.raises(RunInterruptedError):  # no signal: as if the second Ctrl-C came in the middle of a step
        run(small("training.checkpoint_every=3"), "model", watch=stop_in(6))
    seen: list[int] = []

    def note(epochs: Iterable[Epoch]) -> Iterator[Epoch]:
        for epoch in epochs:
            seen.append(epoch.number)
            yield epoch

    assert same_tables(resume("model.partial", watch=note).model, trained_run.model)
    assert seen == [4, 5, 6, 7, 8]


def test_a_training_that_was_stopped_before_its_first_checkpoint_starts_from_nothing(
    desk: Path, small: Reader, trained_run: Run
) -> None:
    with pytest.raises(RunInterruptedError):
        run(small(), "model", watch=stop_in(1))
    assert everything_in(desk) == {"model.partial"}
    assert same_tables(resume("model").model, trained_run.model)


@pytest.mark.parametrize(
    "setting", ["training.n3=0.5", "seed=1", "split.seed=3", "seeds=2", "training.schedule=linear"]
)
def test_a_training_that_goes_on_keeps_its_settings(desk: Path, small: Reader, setting: str) -> None:
    with pytest.raises(RunInterruptedError):
        run(small(), "model", watch=stop_in(2))
    with pytest.raises(UsageError, match=rf"{re.escape(setting.split('=')[0])} was .* when this training began"):
        resume("model", [setting])
    assert everything_in(desk) == {"model.partial"}


def test_a_training_may_go_on_with_more_epochs_and_another_patience(
    desk: Path, small: Reader, trained_run: Run
) -> None:
    with pytest.raises(RunInterruptedError):
        run(small("training.epochs=4"), "model", watch=stop_in(3))
    done = resume("model", ["training.epochs=8", "training.checkpoint_every=2", "device=cpu"])
    assert same_tables(done.model, trained_run.model)
    assert done.model.experiment.training.epochs == 8
    assert show_run(done.run_id).tags["resumed.training.epochs"] == "8"


def test_a_training_cut_short_before_its_first_look_is_looked_at_in_the_end(desk: Path, small: Reader) -> None:
    with pytest.raises(RunInterruptedError):
        run(small("training.epochs=8", "training.valid_every=8"), "model", watch=stop_in(3))
    done = resume("model", ["training.epochs=2"])
    assert done.model.metrics["valid"]["epoch"] >= 2
    assert done.model.metrics["valid"]["mrr"] > 0
    assert float(done.model.members[0].entity.std()) > 0.01  # as it was made, before the first step, it is 0.001


def test_a_finished_training_whose_checkpoints_were_kept_can_be_given_more_epochs(
    desk: Path, small: Reader, trained_run: Run
) -> None:
    first = run(small("training.epochs=3"), "model", keep_checkpoints=True)
    with pytest.raises(UsageError, match=r"model is a finished model; give it more epochs with --set training.epochs"):
        resume("model")
    with pytest.raises(UsageError, match=r"finished, by training.epochs = 2 and training.patience = 5"):
        resume("model", ["training.epochs=2"])
    assert load_model("model").digest == first.model.digest
    with pytest.raises(RunInterruptedError):
        resume("model", ["training.epochs=8"], watch=stop_in(6))
    assert load_model("model").digest == first.model.digest  # until the longer training is finished
    assert same_tables(resume("model").model, trained_run.model)
    assert everything_in(desk) == {"model", "model.partial"}


def test_what_cannot_be_resumed_says_why(desk: Path, small: Reader) -> None:
    with pytest.raises(UsageError, match=r"nothing to resume: there are no checkpoints in model\.partial"):
        resume("model")
    run(small("training.epochs=1"), "model")
    with pytest.raises(UsageError, match=r"model is a finished model, and the checkpoints .* were not kept"):
        resume("model")
    with pytest.raises(RunInterruptedError):
        run(small(), "left", watch=stop_in(3))
    shutil.copytree("model", "left")  # as if the process had been killed before it could remove the checkpoints
    with pytest.raises(UsageError, match=r"left is a finished model; left\.partial is left over, remove it"):
        resume("left")
    (desk / "old.partial").mkdir()
    (desk / "old.partial/checkpoint.safetensors").touch()
    with pytest.raises(UsageError, match=r"old\.partial was written by another version of kgdrug; start again"):
        resume("old")
    (desk / "old.partial/training.json").write_text('{"format": "kgdrug training 0"}')
    with pytest.raises(BadInputError, match=r"training\.json: is no checkpoint of this version of kgdrug"):
        resume("old")


def test_a_graph_that_changed_meanwhile_is_not_resumed(desk: Path, small: Reader, curated: Path) -> None:
    shutil.copytree(curated, desk / "graph")
    with pytest.raises(RunInterruptedError):
        run(small("graph.source=graph"), "model", watch=stop_in(2))
    with (desk / "graph/edges/CtD.tsv").open("a") as file:
        file.write("Metformin\thypertension\n")
    with pytest.raises(UsageError, match="the graph or its split is another than when model was stopped"):
        resume("model")


def test_a_stopped_training_is_not_written_over_without_force(desk: Path, small: Reader) -> None:
    with pytest.raises(RunInterruptedError):
        run(small("seed=1"), "model", watch=stop_in(3))
    with pytest.raises(UsageError, match=r"a stopped training lies in model\.partial; go on with --resume model, or"):
        run(small("seed=2"), "model")
    with pytest.raises(RunInterruptedError):
        run(small("seed=2"), "model", force=True, watch=stop_in(1))
    assert resume("model").model.experiment.seed == 2


def test_settings_that_follow_from_the_graph_are_saved_tracked_and_resumed_as_chosen(
    desk: Path, experiment_file: Path
) -> None:
    chosen = ["training.n3", "training.dropout", "training.epochs"]
    (desk / "auto.toml").write_text(f"auto = {chosen}\n" + experiment_file.read_text().replace("epochs = 8\n", ""))
    experiment = read_experiment("auto.toml", ["training.epochs=2"])
    with pytest.raises(RunInterruptedError):
        run(experiment, "model", watch=stop_in(2))
    done = resume("model")
    expected = with_recipe(experiment, done.model.split)
    assert expected.training.n3 > 0
    assert done.model.experiment == expected
    assert show_run(done.run_id).params["training.n3"] == str(expected.training.n3)
    assert same_tables(run(experiment, "whole").model, done.model)


# several seeds


def test_several_seeds_become_one_model_whose_members_are_those_that_each_seed_alone_gives(
    desk: Path, small: Reader, trained_run: Run
) -> None:
    done = run(small("seeds=3"), "model")
    alone = [trained_run.model, *(run(small(f"seed={seed}"), f"alone{seed}").model for seed in (8, 9))]
    model, metrics = done.model, done.model.metrics
    assert all(
        torch.equal(member.entity, other.members[0].entity) for member, other in zip(model.members, alone, strict=True)
    )
    assert {split.digest for split in (model.split, *(other.split for other in alone))} == {model.split.digest}
    assert evaluate_trained(model) == {key: metrics[key] for key in evaluate_trained(model)}
    for member, seed, other in zip(metrics["members"], (7, 8, 9), alone, strict=True):
        own = ("both", "head", "tail", "by_metaedge", "valid")
        assert member == {"seed": seed, **{key: other.metrics[key] for key in own}}
    valid = kgdrug.evaluation.metrics(
        kgdrug.evaluation.rank_triples(model, model.split.valid, model.split.known, model.graph)
    )
    assert metrics["valid"] == {"mrr": valid["mrr"]}
    tracked = show_run(done.run_id).metrics
    assert tracked["members.1.test.both.mrr"] == pytest.approx(alone[1].metrics["both"]["mrr"])
    assert tracked["members.2.train.learning_rate"] == 0.1
    assert tracked["test.both.mrr"] == pytest.approx(metrics["both"]["mrr"])


def test_a_training_of_several_seeds_goes_on_with_the_member_it_was_stopped_in(
    desk: Path, small: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("seeds=3", "training.epochs=2")
    whole = run(small(*settings), "whole").model
    in_the_second_member = len(Batches(whole.split.graph, whole.split.known_in_training, small().training, 0)) * 3 + 1
    with monkeypatch.context() as patch:
        signalled_after(in_the_second_member, signal.SIGTERM, patch)
        with pytest.raises(RunInterruptedError):
            run(small(*settings), "model")
    assert {p.name for p in (desk / "model.partial").iterdir()} == {"training.json", "0.safetensors", "1.safetensors"}
    seen: list[tuple[int, int]] = []

    def note(epochs: Iterable[Epoch]) -> Iterator[Epoch]:
        for epoch in epochs:
            seen.append((epoch.seed, epoch.number))
            yield epoch

    done = resume("model", watch=note).model
    assert seen == [(8, 2), (9, 1), (9, 2)]
    assert same_tables(done, whole)
    assert done.metrics["members"] == whole.metrics["members"]
    assert done.metrics["both"] == whole.metrics["both"]


# how the graph is parted


@pytest.mark.parametrize("kind", ["pairs", "triples"])
def test_a_split_is_made_again_from_its_experiment(small: Reader, kind: str) -> None:
    experiment = small(f"split.kind={kind}")
    one, two = make_split(experiment), make_split(experiment)
    assert one.digest == two.digest
    assert one.made["kind"] == kind
    assert one.digest != make_split(small(f"split.kind={kind}", "split.seed=1")).digest


def test_given_parts_are_held_out(small: Reader, tmp_path: Path) -> None:
    ids = {"valid": ("Compound::DB00331", "Disease::DOID:9352"), "test": ("Compound::DB00722", "Disease::DOID:10763")}
    for part, (compound, disease) in ids.items():
        (tmp_path / f"{part}.tsv").write_text(f"{compound}\tCtD\t{disease}\n")
    split = make_split(small("split.kind=given", f"split.folder={tmp_path}"))
    assert [split.graph.text(t) for t in split.valid] == ["Metformin treats type 2 diabetes mellitus"]
    assert [split.graph.text(t) for t in split.test] == ["Lisinopril treats hypertension"]


def test_the_experiment_in_the_folder_is_the_one_that_ran(trained_run: Run, small: Reader) -> None:
    assert asdict(trained_run.model.experiment) == asdict(small())
