"""What MLflow knows of a run, and how runs and models are found again."""

import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pandas
import pytest

from kgdrug import Run, predict
from kgdrug.config import Experiment, GraphConfig, flat, read_experiment
from kgdrug.errors import KgdrugError, UnknownNameError, UsageError
from kgdrug.ranking import flat_rows
from kgdrug.registry import (
    find_model,
    git_state,
    import_mlflow,
    list_runs,
    load_model,
    resolve_model,
    show_run,
    tracked,
    versions,
)
from kgdrug.registry.tracking import reach_tracking, without_login
from kgdrug.sources import load_graph
from kgdrug.splits import Draw, Split, hold_out_pairs
from kgdrug.trained import MANIFEST

pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")


@pytest.fixture
def logged(trained_run: Run, laboratory: Path) -> Iterator[tuple[object, object]]:
    """MLflow and the run it keeps of `trained_run`."""
    mlflow = import_mlflow()
    return mlflow, mlflow.get_run(trained_run.run_id)


@pytest.fixture(scope="module")
def registered(trained_run: Run) -> str:
    """`trained_run`'s model as version 1 of Clinic, with the alias champion."""
    import mlflow

    mlflow.set_tracking_uri(trained_run.tracking_uri)
    version = mlflow.register_model(f"runs:/{trained_run.run_id}/model", "Clinic")
    mlflow.MlflowClient().set_registered_model_alias("Clinic", "champion", version.version)
    mlflow.set_tracking_uri(None)
    return "Clinic"


@pytest.fixture(scope="module")
def split(curated: Path) -> Split:
    return hold_out_pairs(load_graph(curated), Draw(0.2, 0.2))


# what is tracked


def test_every_setting_is_a_parameter_under_its_one_name(logged: tuple, experiment_file: Path) -> None:
    settings = {key: str(value) for key, value in flat(read_experiment(experiment_file)).items()}
    assert logged[1].data.params == settings
    assert settings["training.epochs"] == "8"
    assert settings["seed"] == "7"
    assert settings["training.learning_rate"] == "0.1"  # a default that the file leaves out


def test_versions_and_device_are_tags(logged: tuple) -> None:
    tags = logged[1].data.tags
    assert tags["device"] in ("cpu", "cuda", "mps")
    assert {key: value for key, value in tags.items() if key.startswith("version.")} == {
        f"version.{name}": number for name, number in versions().items()
    }
    assert {"version.python", "version.torch", "version.kgdrug", "version.mlflow"} <= set(tags)


def test_graph_and_split_are_dataset_inputs_with_their_digests(logged: tuple, trained_run: Run) -> None:
    graph, split = trained_run.model.graph, trained_run.model.split
    inputs = {i.tags[0].value: i.dataset for i in logged[1].inputs.dataset_inputs}
    assert set(inputs) == {"graph", "split"}
    assert graph.digest.startswith(inputs["graph"].digest)
    assert split.digest.startswith(inputs["split"].digest)
    assert len(inputs["graph"].digest) >= 32
    assert graph.digest in inputs["graph"].source  # whole
    assert split.digest in inputs["split"].source


def test_every_epoch_has_its_metrics(logged: tuple) -> None:
    mlflow, run = logged
    client = mlflow.MlflowClient()
    for name in ("train.loss", "train.seconds", "train.triples_per_second", "valid.mrr", "valid.hits_at_10"):
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, name)]
        assert steps == list(range(1, 9)), name
    losses = [metric.value for metric in client.get_metric_history(run.info.run_id, "train.loss")]
    assert losses[-1] < losses[0]


def test_final_metrics_are_those_of_the_model_folder(logged: tuple, trained_run: Run) -> None:
    mlflow, run = logged
    metrics = trained_run.model.metrics
    for part in ("both", "head", "tail"):
        for name, value in metrics[part].items():
            assert run.data.metrics[f"test.{part}.{name}"] == pytest.approx(value)
    assert run.data.metrics["test.pairs.auroc_low"] == metrics["pairs"]["auroc_low"]
    assert run.data.metrics["test.popularity.commonality_at_10"] == metrics["popularity"]["commonality_at_10"]
    assert run.data.metrics["test.baselines.degree.mrr"] == metrics["baselines"]["degree"]["mrr"]
    assert run.data.metrics["test.by_metaedge.CtD.mrr"] == metrics["by_metaedge"]["CtD"]["mrr"]
    ends = [name for name in run.data.metrics if ".by_" in name and name.endswith(("_low", "_high"))]
    assert {name.split(".")[1] for name in ends} <= {"by_disease"}  # the macro mean over diseases alone
    macro = metrics["baselines_by_disease"]["degree"]["mrr"]
    assert run.data.metrics["test.baselines_by_disease.degree.mrr"] == macro
    many = ("pairs.by_disease", "baselines_by_metaedge", "baselines_by_degree", "degree.mrr_low")
    assert not [name for name in run.data.metrics if any(part in name for part in many)]
    report = mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/metrics.json")
    assert report == {key: metrics[key] for key in report}


def test_timings_are_metrics(logged: tuple, trained_run: Run) -> None:
    assert set(trained_run.seconds) == {"data", "train", "evaluate"}
    for stage, seconds in trained_run.seconds.items():
        assert logged[1].data.metrics[f"seconds.{stage}"] == pytest.approx(seconds)
        assert seconds > 0


def test_a_run_that_went_well_is_finished_and_bears_its_folders_name(logged: tuple, trained_run: Run) -> None:
    assert logged[1].info.status == "FINISHED"
    assert logged[1].info.run_name == trained_run.folder.name


def test_metaedges_with_signs_that_mlflow_forbids_are_tracked_all_the_same(desk: Path, split: Split) -> None:
    with tracked(Experiment("signs"), split, "cpu", "run") as tracker:
        tracker.result({"by_metaedge": {"Gr>G": {"mrr": 0.5, "amri": None}}}, {"train": 1.0})
    assert {value for name, value in show_run(tracker.run_id).metrics.items() if "Gr" in name} == {0.5}


# git


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    done = subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(desk: Path) -> Path:
    """A git repository with one commit, in the working folder; the MLflow database lies in it, not committed."""
    (desk / "notes.txt").write_text("one\n")
    git(desk, "init", "-q")
    git(desk, "add", "notes.txt")
    git(desk, "commit", "-q", "-m", "one")
    return desk


def test_the_commit_and_changes_beside_it_are_tags(repository: Path, split: Split) -> None:
    (repository / "notes.txt").write_text("two\n")
    with tracked(Experiment("git"), split, "cpu", "run") as tracker:
        pass
    tags = show_run(tracker.run_id).tags
    assert tags["git.commit"] == git(repository, "rev-parse", "HEAD")
    assert tags["git.dirty"] == "true"


def test_a_clean_checkout_is_not_dirty_for_what_kgdrug_writes_into_it(repository: Path, split: Split) -> None:
    with tracked(Experiment("git"), split, "cpu", "run") as tracker:
        pass
    assert show_run(tracker.run_id).tags["git.dirty"] == "false"


def test_git_is_asked_about_the_folder_and_its_parents(repository: Path) -> None:
    (repository / "below").mkdir()
    assert git_state(repository / "below")["git.commit"] == git(repository, "rev-parse", "HEAD")


def test_outside_a_repository_nothing_is_said_of_git(desk: Path, logged_without_git: Callable[[], dict]) -> None:
    assert git_state(desk) == {}
    assert not [tag for tag in logged_without_git() if tag.startswith("git.")]


@pytest.fixture
def logged_without_git(desk: Path, split: Split) -> Callable[[], dict]:
    def tags() -> dict:
        with tracked(Experiment("no git"), split, "cpu", "run") as tracker:
            pass
        return dict(show_run(tracker.run_id).tags)

    return tags


def test_a_machine_without_git_still_tracks(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(desk))
    assert git_state(desk) == {}


# the logged model


@pytest.fixture
def loaded(trained_run: Run, laboratory: Path) -> object:
    return import_mlflow().pyfunc.load_model(f"runs:/{trained_run.run_id}/model")


QUESTIONS = [
    {"disease": "asthma", "top": 3},
    {"compound": "METFORMIN", "novel": True},
    {"head": "Compound::DB00331", "relation": "CtD", "top": 2, "novel": True},
    {"tail": "ACE", "relation": "CbG"},
]


def test_the_logged_model_answers_as_predict_does(loaded: object, trained_run: Run) -> None:
    for question in QUESTIONS:
        answers = loaded.predict([question])
        expected = pandas.DataFrame([{"query": 0, **row} for row in flat_rows(predict(trained_run.model, **question))])
        pandas.testing.assert_frame_equal(answers, expected)


def test_a_table_of_questions_is_answered_row_by_row(loaded: object, trained_run: Run) -> None:
    answers = loaded.predict(pandas.DataFrame(QUESTIONS))  # whose empty cells are NaN
    expected = [
        {"query": i, **row}
        for i, question in enumerate(QUESTIONS)
        for row in flat_rows(predict(trained_run.model, **question))
    ]
    assert answers.to_dict("records") == expected


def test_the_models_code_takes_rows_as_they_are(trained_run: Run, laboratory: Path) -> None:
    """As a server that checks nothing would call it: no table, and no column that is left out."""
    import_mlflow()
    from kgdrug.registry.pyfunc import KgdrugModel

    model = KgdrugModel()
    model.load_context(SimpleNamespace(artifacts={"model": str(trained_run.folder)}))
    answers = model.predict(None, [{"disease": None, "top": 2.0, **QUESTIONS[1]}])
    assert [row["id"] for row in answers.to_dict("records")] == [
        a.id for a in predict(trained_run.model, compound="Metformin", novel=True, top=2)
    ]


def test_the_logged_model_refuses_an_unknown_name_with_close_matches(loaded: object) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean asthma"):
        loaded.predict([{"disease": "astma"}])


def test_a_question_under_a_misspelt_column_is_not_answered_with_nothing(loaded: object) -> None:
    with pytest.raises(Exception, match="disease"):  # mlflow's or kgdrug's
        loaded.predict([{"diseases": "asthma"}])


def test_signature_and_input_example_fit_the_model(loaded: object, trained_run: Run) -> None:
    signature = loaded.metadata.signature
    assert signature.inputs.input_names() == ["disease", "compound", "head", "tail", "relation", "top", "novel"]
    assert not signature.inputs.required_input_names()
    answers = loaded.predict(loaded.input_example)
    assert list(answers.columns) == signature.outputs.input_names()
    assert len(answers) > 0


def test_the_logged_model_is_code_and_a_folder_without_pickle(trained_run: Run, laboratory: Path) -> None:
    folder = Path(import_mlflow().artifacts.download_artifacts(f"runs:/{trained_run.run_id}/model"))
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    assert "pyfunc.py" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib"))]
    assert "input_example.json" in names
    for path in folder.rglob("*"):
        assert not path.is_file() or not path.read_bytes().startswith(b"\x80\x04"), path  # how pickles start


# models found again


def test_a_folder_is_a_model(trained_run: Run, laboratory: Path) -> None:
    assert resolve_model(str(trained_run.folder)) == trained_run.folder
    assert resolve_model(trained_run.folder.name).resolve() == trained_run.folder


@pytest.mark.parametrize("words", ["runs:{run}", "runs:/{run}", "{name}/1", "{name}@champion"])
def test_a_tracked_model_is_found_by_run_version_and_alias(
    words: str, trained_run: Run, registered: str, laboratory: Path
) -> None:
    model = load_model(words.format(run=trained_run.run_id, name=registered))
    assert model.digest == trained_run.model.digest
    assert predict(model, disease="asthma") == predict(trained_run.model, disease="asthma")


@pytest.mark.parametrize(
    ("words", "version"),
    [("runs:{run}", None), ("{name}/1", "Clinic/1"), ("{name}/01", "Clinic/1"), ("{name}@champion", "Clinic/1")],
)
def test_a_model_of_the_registry_is_found_with_its_version(
    words: str, version: str | None, trained_run: Run, registered: str, laboratory: Path
) -> None:
    found = find_model(words.format(run=trained_run.run_id, name=registered))
    assert found.version == version
    assert (found.folder / MANIFEST).is_file()
    assert find_model(str(trained_run.folder)).version is None


@pytest.mark.parametrize("model", ["x" * 2000, "a\0b", "folder/" * 400 + "1"])
def test_what_no_folder_can_be_called_is_no_model(model: str, bare: Path) -> None:
    with pytest.raises(UsageError, match="no such model"):
        resolve_model(model)


def test_a_model_tracked_on_this_machine_is_read_in_place(
    trained_run: Run, laboratory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy in the system's temporary folder would stay there, as large as the model, after every question."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    load_model(f"runs:{trained_run.run_id}")
    assert list(tmp_path.iterdir()) == []


def test_a_tracked_model_needs_its_first_folder_no_more(desk: Path, experiment_file: Path) -> None:
    import shutil

    from kgdrug import read_experiment, run

    done = run(read_experiment(experiment_file, ["training.epochs=1"]), "gone")
    shutil.rmtree("gone")
    assert load_model(f"runs:{done.run_id}").digest == done.model.digest


@pytest.mark.parametrize(
    "model",
    [
        "runs:0123456789abcdef",
        "runs:",
        "Clinic/9",
        "Clinic@nobody",
        "Nobody@champion",
        "Nobody/1",
        "nothing",
        "models/3",
        "@",
    ],
)
def test_an_unknown_model_is_an_error_of_one_line_that_names_it(model: str, registered: str, laboratory: Path) -> None:
    with pytest.raises(UsageError, match="no such model") as error:
        resolve_model(model)
    assert model in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_no_model_says_so(laboratory: Path) -> None:
    (laboratory / "photos").mkdir(exist_ok=True)
    with pytest.raises(UsageError, match=rf"photos is not a trained model: it has no {MANIFEST}"):
        resolve_model("photos")


def test_a_model_that_others_logged_is_not_taken_for_kgdrugs(desk: Path) -> None:
    mlflow = import_mlflow()
    code = desk / "theirs.py"
    code.write_text(
        "import mlflow\n\n\nclass Theirs(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n        return model_input\n\n\n"
        "mlflow.models.set_model(Theirs())\n"
    )
    mlflow.set_experiment("theirs")
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(name="model", python_model=str(code), pip_requirements=["mlflow"])
    with pytest.raises(UsageError, match="is an MLflow model, but not one that kgdrug trained"):
        resolve_model(f"runs:{run.info.run_id}")


# runs found again


@pytest.fixture
def three_runs(desk: Path, split: Split) -> list[str]:
    """Runs named first, second, second; the last failed."""
    ids = []

    def begin(experiment: str, name: str, fails: bool = False) -> None:
        with tracked(Experiment(experiment, graph=GraphConfig("x")), split, "cpu", name) as tracker:
            ids.append(tracker.run_id)
            if fails:
                raise ZeroDivisionError

    begin("three", "first")
    begin("three", "second")
    with pytest.raises(ZeroDivisionError):
        begin("other", "second", fails=True)
    return ids


def test_runs_are_listed_newest_first_over_all_experiments(three_runs: list[str]) -> None:
    runs = list_runs()
    assert [run.id for run in runs] == three_runs[::-1]
    assert [run.experiment for run in runs] == ["other", "three", "three"]
    assert [run.status for run in runs] == ["FAILED", "FINISHED", "FINISHED"]
    assert [run.id for run in list_runs(1)] == three_runs[-1:]


def test_runs_of_other_software_are_not_listed(desk: Path) -> None:
    mlflow = import_mlflow()
    assert list_runs() == []
    mlflow.set_experiment("theirs")
    with mlflow.start_run():
        mlflow.log_param("theirs", 1)
    assert list_runs() == []


def test_a_run_is_shown_by_id_by_the_start_of_its_id_and_by_name(three_runs: list[str]) -> None:
    first = three_runs[0]
    for words in (first, first[:8], "first"):
        assert show_run(words).id == first
    shown = asdict(show_run("first"))
    assert shown["params"]["graph.source"] == "x"
    assert shown["seconds"] >= 0
    assert [context for _, _, context in shown["datasets"]] == ["graph", "split"]


@pytest.mark.parametrize(("words", "problem"), [("nope", "no such run: nope"), ("second", "several runs start so")])
def test_a_run_that_is_not_there_or_not_one_is_an_error(three_runs: list[str], words: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        show_run(words)


# where runs go


def test_runs_go_to_mlflow_db_in_the_working_folder(desk: Path, three_runs: list[str]) -> None:
    assert import_mlflow().get_tracking_uri() == f"sqlite:///{desk / 'mlflow.db'}"
    assert len(list_runs()) == 3


def test_a_tracking_server_of_the_user_is_respected(
    bare: Path, empty_tracking: Path, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    (bare / "server").mkdir()
    shutil.copy(empty_tracking, bare / "server/elsewhere.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{bare}/server/elsewhere.db")
    with tracked(Experiment("there"), split, "cpu", "run") as tracker:
        pass
    assert tracker.uri.endswith("elsewhere.db")
    assert [run.id for run in list_runs()] == [tracker.run_id]
    assert not (bare / "mlflow.db").exists()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that takes connections, and says nothing yet."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


@pytest.mark.parametrize("login", ["", "user:token@", "user:to:k@en@"])
def test_a_tracking_server_that_takes_its_time_is_there(unhurried: int, login: str) -> None:
    reach_tracking(f"http://{login}127.0.0.1:{unhurried}/owner/repository.mlflow", seconds=0.1)


@pytest.mark.parametrize("place", ["127.0.0.1:{free}/o/r.mlflow", "[::1]:{free}", "127.0.0.1:port", "", "[::1"])
def test_what_a_tracking_server_is_asked_with_is_not_shown(unhurried: int, place: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = place.format(free=taken.getsockname()[1])
    with pytest.raises(KgdrugError) as error:
        reach_tracking(f"http://user:token@{place}")
    assert str(error.value).startswith(f"MLflow at http://{place} does not answer: ")
    assert "token" not in str(error.value)


def test_a_tracking_server_behind_a_proxy_is_left_to_mlflow(unhurried: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    reach_tracking("https://tracking.invalid")
    with pytest.raises(KgdrugError, match="does not answer"):
        reach_tracking("http://tracking.invalid")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://user:token@[::1]:5000/o/r.mlflow", "https://[::1]:5000/o/r.mlflow"),
        ("postgresql://user:token@host/db?x=a@b", "postgresql://host/db?x=a@b"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_a_tracking_place_is_shown_without_user_and_password(uri: str, shown: str) -> None:
    assert without_login(uri) == shown


@pytest.mark.parametrize("place", ["foo://x", "sqlite:///notes.db"])
def test_runs_of_a_place_that_cannot_be_are_an_error_of_one_line(
    bare: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (bare / "notes.db").write_text("no database " * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
    with pytest.raises(KgdrugError, match=f"MLflow at {place}: .*; see MLFLOW_TRACKING_URI$"):
        list_runs()


def test_a_run_that_goes_on_is_tagged_with_what_changed_and_not_with_settings_that_are_new(
    desk: Path, split: Split
) -> None:
    mlflow = import_mlflow()
    mlflow.set_experiment("old")
    with mlflow.start_run() as old:
        mlflow.log_params({"seed": "3"})  # as of a release that had no other setting
    with tracked(Experiment("old", seed=4), split, "cpu", "run", old.info.run_id):
        pass
    tags = mlflow.get_run(old.info.run_id).data.tags
    assert {name: value for name, value in tags.items() if name.startswith("resumed.")} == {"resumed.seed": "4"}


def test_a_tracking_place_that_cannot_be_is_an_error_in_plain_words(
    bare: Path, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    with pytest.raises(KgdrugError, match="nonsense://nowhere"), tracked(Experiment("x"), split, "cpu", "run"):
        pass


def test_a_model_is_not_found_where_there_is_no_database(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / "notes.db").write_text("no database " * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///notes.db")
    with pytest.raises(UsageError, match=r"no such model: Clinic@champion \(MLflow at sqlite:///notes.db: "):
        resolve_model("Clinic@champion")
