"""The trained-model folder: what comes back is what was saved, and nothing damaged comes back."""

import hashlib
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kgdrug.config import Experiment, GraphConfig, ModelConfig
from kgdrug.errors import BadInputError, KgdrugError, UsageError
from kgdrug.graph import KnowledgeGraph, Vocabulary
from kgdrug.models import SCORES, TableModel
from kgdrug.sources import load_graph
from kgdrug.splits import Draw, fixed, hold_out_pairs
from kgdrug.trained import MANIFEST, TrainedModel, load_trained, mean_rank_scores, save_trained

PARTS = ("train", "valid", "test", "withheld")


@pytest.fixture(scope="module")
def graph(curated: Path) -> KnowledgeGraph:
    return load_graph(curated)


def untrained(graph: KnowledgeGraph, score: str = "complex", seed: int = 1) -> TableModel:
    model = TableModel.create(score, len(graph.entities), graph.relations, 20, seed)
    return TableModel(score, model.entity + torch.randn(model.entity.shape), model.relation, model.weights)


@pytest.fixture(scope="module")
def model(graph: KnowledgeGraph) -> TrainedModel:
    """Two members, and a split that withholds palliations."""
    experiment = Experiment("two", seed=3, graph=GraphConfig("clinic"), model=ModelConfig("complex", 20))
    members = [untrained(graph, seed=seed) for seed in (1, 2)]
    metrics = {"both": {"mrr": 0.1, "amri": None}, "candidates": "typed"}
    return TrainedModel(members, hold_out_pairs(graph, Draw(0.2, 0.4)), experiment, metrics)


@pytest.fixture(scope="module")
def saved(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    save_trained(model, folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """A saved model that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def all_scores(model: TrainedModel) -> torch.Tensor:
    n, m = len(model.graph.entities), 2 * model.graph.relations
    return model.scores(torch.cartesian_prod(torch.arange(n), torch.arange(m)), slice(0, n))


def test_a_saved_model_comes_back_whole(model: TrainedModel, saved: Path) -> None:
    loaded = load_trained(saved)
    assert torch.equal(all_scores(loaded), all_scores(model))
    assert loaded.graph.digest == model.graph.digest
    assert loaded.graph.entities.names == model.graph.entities.names
    assert loaded.graph.treats == model.graph.treats
    assert loaded.split.digest == model.split.digest
    assert len(model.split.withheld) > 0
    for part in PARTS:
        assert np.array_equal(
            getattr(loaded.split, part), model.split.graph.with_triples(getattr(model.split, part)).triples
        )
    assert dict(loaded.split.made) == dict(model.split.made)
    assert loaded.experiment == model.experiment
    assert loaded.metrics == model.metrics
    assert loaded.name == "two"


def test_synonyms_travel_with_the_split_into_the_model_and_answer_there(graph: KnowledgeGraph, tmp_path: Path) -> None:
    entities = graph.entities
    called = Vocabulary(entities.ids, entities.names, synonyms={0: ["first drug", "a|b"]})
    split = hold_out_pairs(replace(graph, entities=called), Draw(0.2, 0.2))
    save_trained(TrainedModel([untrained(graph)], split, Experiment(graph=GraphConfig("clinic"))), tmp_path)
    loaded = load_trained(tmp_path).graph
    assert loaded.entities.synonyms == {0: ("first drug", "a|b")}
    assert loaded.find("First Drug") == 0
    assert loaded.digest == graph.digest


@pytest.mark.parametrize("score", SCORES)
def test_every_kind_of_model_survives_the_folder(graph: KnowledgeGraph, score: str, tmp_path: Path) -> None:
    experiment = Experiment(graph=GraphConfig("clinic"), model=ModelConfig(score, 20))
    model = TrainedModel([untrained(graph, score)], hold_out_pairs(graph, Draw(0.2, 0.2)), experiment)
    save_trained(model, tmp_path)
    assert torch.equal(all_scores(load_trained(tmp_path)), all_scores(model))


def test_several_members_answer_with_the_mean_of_their_rank_scores(model: TrainedModel) -> None:
    alone = [all_scores(TrainedModel([member], model.split, model.experiment)) for member in model.members]
    assert not torch.equal(alone[0], alone[1])
    assert torch.equal(all_scores(model), mean_rank_scores(alone))


def test_ten_members_and_more_come_back_in_their_order(model: TrainedModel, tmp_path: Path) -> None:
    members = [TableModel("complex", model.members[0].entity + i, model.members[0].relation) for i in range(12)]
    save_trained(replace(model, members=members), tmp_path)
    loaded = load_trained(tmp_path).members
    assert all(torch.equal(a.entity, b.entity) for a, b in zip(loaded, members, strict=True))


def test_a_triple_in_two_parts_of_a_fixed_split_stays_in_both(tmp_path: Path) -> None:
    parts = {"train": "a r b\nb r c\nc s a\n", "valid": "a r b\nc r a\n", "test": "b r c\na s c\n"}
    for part, lines in parts.items():
        (tmp_path / f"{part}.tsv").write_text(lines.replace(" ", "\t"))
    split = fixed(tmp_path)
    experiment = Experiment(graph=GraphConfig(splits=str(tmp_path)), model=ModelConfig("complex", 20))
    (tmp_path / "model").mkdir()
    save_trained(TrainedModel([untrained(split.graph)], split, experiment), tmp_path / "model")

    loaded = load_trained(tmp_path / "model")
    for part, lines in parts.items():
        triples = {tuple(loaded.graph.text(t).split()) for t in getattr(loaded.split, part)}
        assert triples == {tuple(line.split()) for line in lines.splitlines()}
    assert loaded.split.digest == split.digest
    graph = loaded.graph
    a, b, r = graph.entities.index("a"), graph.entities.index("b"), graph.relation("r")
    holding = [part for part, known in loaded.known.items() if known.contains(np.array([[a, r, b]])).all()]
    assert holding == ["train", "valid"]


def test_known_answers_are_kept_apart_by_part(model: TrainedModel, saved: Path) -> None:
    loaded = load_trained(saved)
    assert set(loaded.known) == set(PARTS)
    for part, known in loaded.known.items():
        others = [getattr(model.split, other) for other in PARTS if other != part]
        assert known.contains(getattr(model.split, part)).all()
        assert not known.contains(np.concatenate(others)).any()


def test_the_manifest_vouches_for_every_other_file(saved: Path) -> None:
    manifest = json.loads((saved / MANIFEST).read_text())
    assert sorted([*manifest["files"], *METRICS, MANIFEST]) == files(saved)
    assert load_trained(saved).digest  # of the manifest, and so of all that decides answers


def test_the_sum_of_the_metrics_is_as_other_tools_read_it(saved: Path) -> None:
    written = hashlib.sha256((saved / "metrics.json").read_bytes()).hexdigest()
    assert (saved / "metrics.json.sha256").read_text() == f"{written}  metrics.json\n"


def test_a_model_has_one_digest_however_long_it_took(model: TrainedModel, saved: Path, tmp_path: Path) -> None:
    slower = replace(model, metrics={**model.metrics, "seconds": {"train": 3600.0}})
    save_trained(slower, tmp_path / "slower")
    assert load_trained(tmp_path / "slower").digest == load_trained(saved).digest


def test_a_folder_whose_manifest_lists_the_metrics_still_opens_and_is_verified(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())  # as kgdrug wrote it before
    manifest["files"]["metrics.json"] = hashlib.sha256((copy / "metrics.json").read_bytes()).hexdigest()
    (copy / "metrics.json.sha256").unlink()
    (copy / MANIFEST).write_text(json.dumps(manifest))
    assert load_trained(copy).metrics["both"]["mrr"] == 0.1
    (copy / "metrics.json").write_text("{}")
    with pytest.raises(BadInputError, match=r"metrics\.json: is damaged"):
        load_trained(copy)


def test_a_model_is_saved_where_a_text_says_and_its_folders_are_made(
    model: TrainedModel, saved: Path, bare: Path
) -> None:
    save_trained(model, "models/mine")
    assert files(bare / "models/mine") == files(saved)
    assert load_trained(bare / "models/mine").digest == load_trained(saved).digest


def test_a_model_is_saved_over_nothing(model: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UsageError, match="exists and is no empty folder"):
            save_trained(model, place)
    assert files(tmp_path) == ["notes.txt"]


def test_a_changed_model_has_another_digest(model: TrainedModel, saved: Path, tmp_path: Path) -> None:
    louder = TableModel("complex", model.members[0].entity * 2, model.members[0].relation)
    save_trained(TrainedModel([louder], model.split, model.experiment), tmp_path)
    digests = {load_trained(tmp_path).digest, load_trained(saved).digest}
    assert len(digests) == 2
    shutil.copytree(saved, tmp_path / "again")
    assert load_trained(tmp_path / "again").digest in digests


FILES = (
    "entities.tsv",
    "experiment.json",
    "facts/keys.npy",
    "facts/offsets.npy",
    "facts/parts.npy",
    "facts/tails.npy",
    "graph.json",
    "members/0.safetensors",
    "members/1.safetensors",
    "parts.npy",
    "split.json",
    "triples.npy",
)
METRICS = ("metrics.json", "metrics.json.sha256")


def test_the_files_are_those_that_the_tests_damage(saved: Path) -> None:
    assert files(saved) == sorted([*FILES, *METRICS, MANIFEST])


@pytest.mark.parametrize("name", [*FILES, "metrics.json"])
def test_one_changed_bit_is_found_and_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BadInputError, match="is damaged or was changed") as error:
        load_trained(copy)
    assert error.value.file == copy / name


@pytest.mark.parametrize("name", [*FILES, *METRICS])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BadInputError, match="is missing") as error:
        load_trained(copy)
    assert error.value.file == copy / name


@pytest.mark.parametrize("text", ["", "0" * 64, f"{'0' * 64}  metrics.json", f"{'0' * 64}  other.json"])
def test_a_damaged_sum_of_the_metrics_is_found(copy: Path, text: str) -> None:
    (copy / "metrics.json.sha256").write_text(text)
    with pytest.raises(BadInputError, match=r"metrics\.json.* is damaged or was changed"):
        load_trained(copy)


def test_a_file_cut_short_is_named(copy: Path) -> None:
    content = (copy / "triples.npy").read_bytes()
    (copy / "triples.npy").write_bytes(content[:-8])
    with pytest.raises(BadInputError, match=r"triples\.npy: is damaged"):
        load_trained(copy)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"format": "kgdrug model 1"}',
        '{"format": "kgdrug model 1", "files": []}',
        '{"format": "kgdrug model 1", "files": {"triples.npy": null}}',
        b"\xff\xfe{}",
    ],
)
def test_a_damaged_manifest_is_named(copy: Path, content: str | bytes) -> None:
    (copy / MANIFEST).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInputError) as error:
        load_trained(copy)
    assert error.value.file.parent == copy


def test_any_changed_bit_of_the_manifest_is_an_error_in_plain_words_or_another_digest(copy: Path, saved: Path) -> None:
    content, digest = (saved / MANIFEST).read_bytes(), load_trained(saved).digest
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 1
        (copy / MANIFEST).write_bytes(damaged)
        try:
            came = load_trained(copy).digest
        except KgdrugError as error:
            came = str(error)
        assert came != digest
        assert str(copy) in came or len(came) == len(digest)


def test_a_member_that_the_manifest_does_not_list_has_no_say(copy: Path, saved: Path) -> None:
    shutil.copy(copy / "members/0.safetensors", copy / "members/2.safetensors")
    try:
        loaded = load_trained(copy)
    except BadInputError:
        return  # refused: as good
    assert torch.equal(all_scores(loaded), all_scores(load_trained(saved)))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_the_manifest_does_not_vouch_for_is_not_trusted(copy: Path, name: str) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    del manifest["files"][name]
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BadInputError) as error:
        load_trained(copy)
    assert Path(name).name in str(error.value)


def test_a_model_of_another_format_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps(manifest | {"format": "kgdrug model 2"}))
    with pytest.raises(BadInputError, match=r"format is 'kgdrug model 2'; this kgdrug reads 'kgdrug model 1'"):
        load_trained(copy)


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a trained model: it has no manifest\.json"):
        load_trained(tmp_path)


def test_no_file_is_a_pickle(saved: Path) -> None:
    for name in set(files(saved)) - {"metrics.json.sha256"}:  # a line of text
        path = saved / name
        assert path.suffix in {".json", ".tsv", ".npy", ".safetensors"}
        assert not zipfile.is_zipfile(path)  # as torch.save writes
        with path.open("rb") as file, pytest.raises(Exception):  # noqa: B017, PT011 whatever unpickling rubbish raises
            pickle.load(file)
        if path.suffix == ".npy":
            assert np.load(path, allow_pickle=False).dtype.kind in "iu"


def test_a_pickle_in_place_of_an_array_is_not_opened(copy: Path, tmp_path: Path) -> None:
    """Even where someone also corrects the manifest, nothing of the folder is executed."""
    ran = tmp_path / "ran"
    for name in ("triples.npy", "parts.npy"):
        shutil.copytree(copy, tmp_path / name)
        np.save(tmp_path / name / name, np.array([_Touch(str(ran))], object), allow_pickle=True)
        with pytest.raises(BadInputError) as error:
            load_trained(tmp_path / name, check=False)
        assert error.value.file.name == name
    assert not ran.exists()


class _Touch:
    """Unpickling it makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self.path, "w")


@pytest.mark.parametrize(("training", "typed", "means"), [("typed", True, False), ("all", True, True)])
def test_ranks_among_all_entities_mean_something_only_after_negatives_of_every_type(
    model: TrainedModel, training: str, typed: bool, means: bool
) -> None:
    experiment = replace(model.experiment, training=replace(model.experiment.training, candidates=training))
    assert replace(model, experiment=experiment).scores_all_entities is means
    assert model.graph.typed is typed
