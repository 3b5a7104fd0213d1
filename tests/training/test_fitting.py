"""Models that are fitted in one go: by the experiment, on the command line, and what is refused."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fastapi.testclient import TestClient

from kgdrug import Run, fit_metapaths, make_split, predict, read_experiment, resume, run, show_run
from kgdrug.config import unused
from kgdrug.errors import UsageError
from kgdrug.evaluation import evaluate, metrics, rank_triples
from kgdrug.models import TableModel
from kgdrug.models.metapaths import MetapathModel, Progress
from kgdrug.trained import load_trained
from kgdrug_api import create_app

pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")
METAPATHS = ("model.score=metapaths", "metapaths.length=3")


@pytest.fixture
def fitted(experiment_file: Path, desk: Path) -> Run:
    return run(read_experiment(experiment_file, METAPATHS), desk / "model")


def test_an_experiment_of_metapaths_is_a_model_like_the_others(fitted: Run) -> None:
    model, split = fitted.model, fitted.model.split
    (member,) = model.members
    assert isinstance(member, MetapathModel)
    report = evaluate(model, split)
    assert {key: model.metrics[key] for key in report} == report
    valid = metrics(rank_triples(model, split.valid, split.known, split.graph))["mrr"]
    assert model.metrics["valid"] == {"mrr": valid}
    assert model.metrics["fit"]["metapaths"] > 10
    tracked = show_run(fitted.run_id)
    assert tracked.params["metapaths.length"] == "3"
    assert tracked.metrics["test.both.mrr"] == pytest.approx(report["both"]["mrr"])
    assert predict(load_trained(fitted.folder), disease="asthma")[0].name in {
        "Salbutamol", "Salmeterol", "Budesonide", "Montelukast"
    }  # fmt: skip


def test_answers_say_what_raises_their_score_by_command_by_http_and_in_an_ensemble(
    fitted: Run, kgdrug_command: Callable[..., SimpleNamespace]
) -> None:
    (member,), graph = fitted.model.members, fitted.model.graph
    assert isinstance(member, MetapathModel)
    complex_model = TableModel.create("complex", len(graph.entities), graph.relations, 8, seed=0)
    ensemble = replace(fitted.model, members=[complex_model, member], weights=(1, 2))
    for model in (fitted.model, ensemble):
        for question in ({"disease": "asthma"}, {"compound": "Salbutamol"}):
            answers = predict(model, **question, top=4)  # type: ignore[arg-type]
            served = TestClient(create_app(model)).post("/v1/predict", json={**question, "top": 4}).json()["answers"]
            assert any(answer.terms for answer in answers)
            for answer, shown in zip(answers, served, strict=True):
                given = graph.find(next(iter(question.values())))
                pair = (graph.entities.index(answer.id), given) if "disease" in question else (
                    given, graph.entities.index(answer.id))  # fmt: skip
                assert answer.terms == tuple(term for term in member.terms(*pair)[:3] if term.contribution > 0)
                assert shown["terms"] == [asdict(term) for term in answer.terms]
    done = kgdrug_command("predict", fitted.folder, "--disease", "asthma", "--top", 1)
    (first,) = predict(fitted.model, disease="asthma", top=1)
    assert f"{first.terms[0].name} {first.terms[0].contribution:+.2f}" in done.out
    refused = kgdrug_command("predict", fitted.folder, "--head", "Salbutamol", "--relation", "CbG")
    assert refused.code == 2
    assert "answer treatments alone" in refused.err


def test_the_logged_model_answers(fitted: Run) -> None:
    import mlflow

    (logged,) = mlflow.MlflowClient().get_run(fitted.run_id).outputs.model_outputs
    answers = mlflow.pyfunc.load_model(f"models:/{logged.model_id}").predict([{"disease": "asthma", "top": 3}])
    assert len(answers) == 3


def test_a_fit_is_the_same_each_time_and_shows_how_far_it_is(experiment_file: Path, bare: Path) -> None:
    experiment = read_experiment(experiment_file, METAPATHS)
    split, seen = make_split(experiment), list[Progress]()

    def watch(progress: Iterable[Progress]) -> Iterator[Progress]:
        for stage in progress:
            seen.append(stage)
            yield stage

    one = fit_metapaths(split, experiment.metapaths, watch=watch)
    assert list(dict.fromkeys(stage.what for stage in seen)) == ["metapaths", "features", "regressions", "scores"]
    assert all(stage.done <= stage.of for stage in seen)
    assert torch.equal(one.table, fit_metapaths(split, experiment.metapaths).table)


def test_the_held_out_triples_are_not_in_the_features(experiment_file: Path, bare: Path) -> None:
    """The same fit comes of a graph that never had them, but for what is not counted as untreated."""
    split = make_split(read_experiment(experiment_file, METAPATHS))
    other = type(split)(split.graph.with_triples(split.train), split.train, split.valid, split.test, split.withheld)
    config = read_experiment(experiment_file, METAPATHS).metapaths
    assert torch.equal(fit_metapaths(split, config).table, fit_metapaths(other, config).table)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("seeds=3", "seeds is 3; fits of metapaths are all but the same"),
        ('auto=["training.n3"]', "auto chooses settings of a training, and metapaths are fitted"),
        ("evaluation.candidates=all", "metapaths rank the answer's type alone"),
        ("metapaths.length=5", r"metapaths\.length is 5; it must be below 5"),
        ("metapaths.length=1", r"metapaths\.length is 1; it must be at least 2"),
        ("metapaths.nul=none", r"unknown key metapaths\.nul; did you mean metapaths\.null\?"),
        ("metapaths.null=swap", "did you mean 'swaps'"),
        ("metapaths.damping=-1", "must be at least 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(experiment_file: Path, setting: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_experiment(experiment_file, [*METAPATHS, setting])


def test_settings_of_another_kind_of_model_are_named(experiment_file: Path) -> None:
    assert unused(read_experiment(experiment_file, METAPATHS)) == [
        "model.dimension", "training.epochs", "training.batch_size", "training.negatives",
    ]  # fmt: skip
    assert unused(read_experiment(experiment_file, ["metapaths.damping=0.5"])) == ["metapaths.damping"]
    assert unused(read_experiment(experiment_file)) == []


def test_a_split_that_asks_for_other_relations_is_refused(experiment_file: Path, bare: Path) -> None:
    experiment = read_experiment(experiment_file, [*METAPATHS, "split.kind=triples"])
    with pytest.raises(UsageError, match=r"metapaths answers treatments alone, and this split also holds out .*CbG"):
        run(experiment, bare / "model")
    assert not (bare / "model").exists()


def test_it_cannot_be_resumed_and_says_why(fitted: Run, experiment_file: Path) -> None:
    with pytest.raises(UsageError, match="is a finished model of metapaths, which are fitted in one go"):
        resume(fitted.folder)
    with pytest.raises(UsageError, match="has no checkpoints to keep"):
        run(read_experiment(experiment_file, METAPATHS), fitted.folder.with_name("other"), keep_checkpoints=True)


def test_a_fit_that_fails_leaves_no_folder(experiment_file: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("midway")

    monkeypatch.setattr("kgdrug.experiment.evaluate", fails)
    with pytest.raises(RuntimeError, match="midway"):
        run(read_experiment(experiment_file, METAPATHS), desk / "deep" / "model")
    assert not (desk / "deep").exists()


def test_the_command_line_fits_evaluates_and_asks(
    kgdrug_command: Callable[..., SimpleNamespace], experiment_file: Path, desk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sets = [word for setting in METAPATHS for word in ("--set", setting)]
    done = kgdrug_command("train", experiment_file, *sets, "--out", "model")
    assert done.code == 0, done.err
    assert "experiment small: metapaths, of up to 3 steps" in done.err
    assert "metapaths: " in done.err
    assert "fitted in " in done.out
    assert "metapaths (this model)" in done.out
    assert "the score metapaths makes no use of model.dimension, training.epochs" in caplog.text
    assert kgdrug_command("evaluate", "model").code == 0
    asked = kgdrug_command("predict", "model", "--disease", "asthma", "--top", "3")
    assert asked.code == 0
    assert "? treats asthma" in asked.out
    refused = kgdrug_command("predict", "model", "--tail", "asthma", "--relation", "CpD")
    assert refused.code == 2
    assert "answer treatments alone" in refused.err
    refused = kgdrug_command("evaluate", "model", "--candidates", "all")
    assert refused.code == 2
    assert "ranks entities of the answer's type alone" in refused.err
