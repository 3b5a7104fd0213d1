"""Models by name, and judgements in a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kgdrug import Feedback, Judgement, LoadedModel, LoadedModels, Run, as_annotations
from kgdrug.errors import KgdrugError, UnknownNameError, UsageError


@pytest.fixture
def promote(trained_run: Run, laboratory: Path) -> Callable[[], str]:
    """Registers another version of the model `Ward`, gives it the alias champion, and says which it is."""
    from kgdrug.registry import import_mlflow

    mlflow = import_mlflow()

    def register() -> str:
        version = mlflow.register_model(f"runs:/{trained_run.run_id}/model", "Ward").version
        mlflow.MlflowClient().set_registered_model_alias("Ward", "champion", version)
        return f"Ward/{version}"

    return register


def test_models_are_found_by_name_source_and_digest(trained_run: Run) -> None:
    folder = str(trained_run.folder)
    models = LoadedModels.open([folder, f"other={folder}"])
    assert [one.name for one in models.all()] == ["small", "other"]
    assert [one.version for one in models.all()] == [None, None]
    digest = models.get().model.digest
    assert models.get().name == models.get("small").name == "small"
    for wanted in ("other", folder, digest, digest[:8]):  # of two with the same source the one that was loaded last
        assert models.get(wanted).name == "other"
    for wanted in (digest[:7], "", "Small"):
        with pytest.raises(UnknownNameError, match="unknown model"):
            models.get(wanted)


def test_a_folder_with_an_equals_sign_is_taken_whole_and_else_the_first_ends_the_name(
    trained_run: Run, bare: Path
) -> None:
    folder = bare / "models" / "lr=0.1"
    folder.parent.mkdir()
    folder.symlink_to(trained_run.folder)
    models = LoadedModels.open(["models/lr=0.1", "fast=models/lr=0.1"])
    assert [(one.name, one.source) for one in models.all()] == [("small", "models/lr=0.1"), ("fast", "models/lr=0.1")]
    with pytest.raises(UsageError, match="no such model: models/gone=x"):
        LoadedModels.open(["lost=models/gone=x"])


def test_a_name_goes_before_what_else_a_word_may_mean(trained_run: Run) -> None:
    served = trained_run.model.served
    words = ["name", "version", "source"]
    of = {"name": ("name", "x"), "version": ("y", "source"), "source": ("z", "y")}
    models = LoadedModels([LoadedModel(word, of[word][1], served, of[word][0]) for word in words])
    assert models.get("name").name == "name"
    assert models.get("version").name == "version"
    assert models.get("source").name == "source"
    assert models.get("y").name == "version"  # the version of one, the source of another
    assert models.get("x").name == "name"


def test_a_model_of_the_registry_is_found_by_alias_and_by_version(promote: Callable[[], str]) -> None:
    before = promote()
    models = LoadedModels.open(["ward=Ward@champion"])
    for wanted in ("ward", "Ward@champion", before):
        loaded = models.get(wanted)
        assert (loaded.name, loaded.source, loaded.version) == ("ward", "Ward@champion", before)
    after = promote()
    assert after != before
    with pytest.raises(UnknownNameError, match=after):
        models.get(after)
    models.load("Ward@champion", "promoted")
    assert models.get("Ward@champion").name == models.get(after).name == "promoted"
    assert models.get(before).name == "ward"
    models.unload("promoted")
    assert models.get("Ward@champion").name == "ward"


def test_names_are_given_once_and_the_last_model_stays(trained_run: Run) -> None:
    models = LoadedModels([LoadedModel("a", "", trained_run.model.served)])
    with pytest.raises(UsageError, match="a model named a is loaded"):
        models.add(LoadedModel("a", "", trained_run.model.served))
    with pytest.raises(UsageError, match="the only model"):
        models.unload("a")
    models.add(LoadedModel("b", "", trained_run.model.served))
    assert models.unload("a").name == "a"
    with pytest.raises(UnknownNameError):
        models.unload("a")
    with pytest.raises(UsageError, match="no model is loaded"):
        LoadedModels().get()


def test_judgements_are_read_back_in_their_order(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "said.db")
    for i, judgement in enumerate(("promising", "refuted", "trial")):
        feedback.add(Judgement(f"C{i}", "D", judgement, "why\tso", "me", "digest", i))
    said = feedback.all()
    assert [(one.compound, one.judgement, one.rank) for one in said] == [
        ("C0", "promising", 0),
        ("C1", "refuted", 1),
        ("C2", "trial", 2),
    ]
    assert feedback.all(1, 1) == said[1:2]
    rows = list(as_annotations(said))
    assert rows[0][:3] == ("compound", "disease", "status")
    assert [(row[0], row[2], row[3]) for row in rows[1:]] == [
        ("C1", "refuted", "judged by me: why so"),
        ("C2", "trial", "judged by me: why so"),
    ]
    feedback.close()


def test_many_judgements_are_read_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgdrug.serving.feedback.AT_ONCE", 3)
    feedback = Feedback(tmp_path / "said.db")
    for count in range(8):
        assert len(feedback) == count
        assert list(feedback) == feedback.all()
        feedback.add(Judgement(f"C{count}", "D", "trial"))
    assert [one.compound for one in feedback] == [f"C{count}" for count in range(8)]


@pytest.mark.parametrize("rank", [-1, 2**63])
def test_a_rank_that_is_no_place_is_not_kept(tmp_path: Path, rank: int) -> None:
    feedback = Feedback(tmp_path / "said.db")
    with pytest.raises(UsageError, match=f"rank is {rank}"):
        feedback.add(Judgement("C", "D", "trial", rank=rank))
    assert feedback.add(Judgement("C", "D", "trial", rank=2**63 - 1)) == feedback.all()[0]


def test_what_cannot_be_written_is_said_to_be_not_kept(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "said.db")
    with pytest.raises(UsageError, match="half a character"):
        feedback.add(Judgement("C", "D", "trial", "\ud800"))
    feedback.close()
    with pytest.raises(KgdrugError, match=r"the judgement is not kept: .*said\.db"):
        feedback.add(Judgement("C", "D", "trial"))


def test_an_unknown_judgement_is_not_kept(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "said.db")
    with pytest.raises(UsageError, match=r"unknown judgement 'refutd'; did you mean refuted\?"):
        feedback.add(Judgement("C", "D", "refutd"))
    assert feedback.all() == []
