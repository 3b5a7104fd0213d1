"""A folder opened to be asked, against the trained model that it was written from."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kgdrug import Run, load_model, open_model, predict, with_calibration
from kgdrug.errors import BadInputError
from kgdrug.evaluation import Pairs, PairScores
from kgdrug.trained import ServedModel, TrainedModel, load_trained, mean_rank_scores, open_served, save_trained
from kgdrug.trained.calibrated import CALIBRATION
from kgdrug.trained.folder import save_calibration

QUESTIONS = ({"disease": "asthma"}, {"compound": "Metformin"}, {"head": "Enalapril", "relation": "CbG"})


@pytest.fixture(scope="module")
def several(trained_run: Run) -> TrainedModel:
    """Three members of unequal weight."""
    model = trained_run.model
    members = [model.members[0], *(model.members[0].clone() for _ in range(2))]
    for seed, member in enumerate(members[1:]):
        member.entity += torch.randn(member.entity.shape, generator=torch.Generator().manual_seed(seed))
    return replace(model, members=members, weights=(3, 1, 2))


@pytest.fixture(scope="module")
def opened(several: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    folder = tmp_path_factory.mktemp("several")
    save_trained(several, folder)
    return open_served(folder)


@pytest.mark.parametrize("asked", QUESTIONS)
def test_a_folder_answers_as_the_model_in_memory_does(several: TrainedModel, opened: ServedModel, asked: dict) -> None:
    for here, there in zip(predict(several, **asked), predict(opened, **asked), strict=True):
        assert here == there


def test_the_folder_says_what_it_is_of(trained_run: Run) -> None:
    opened, loaded = open_model(trained_run.folder), load_model(trained_run.folder)
    assert (opened.digest, opened.graph_digest, opened.name) == (loaded.digest, loaded.graph.digest, loaded.name)
    assert len(opened.facts) == len(loaded.graph.triples)
    assert opened.graph.annotations == loaded.graph.annotations


def test_an_opened_model_is_shown_in_one_line(several: TrainedModel, opened: ServedModel) -> None:
    sizes = f"{len(several.graph.entities)} entities, {len(several.graph.triples)} facts"
    assert repr(opened) == f"ServedModel(small, 3 members, of clinic: {sizes})"
    assert repr(replace(opened, members=opened.members[:1])).startswith("ServedModel(small, 1 member, of ")


def test_members_vote_as_they_do_in_evaluation(several: TrainedModel) -> None:
    each = np.random.default_rng(0).integers(0, 4, (3, 5, 9)).astype(np.float32)  # many ties
    expected = mean_rank_scores([torch.from_numpy(one) for one in each], several.weights)
    np.testing.assert_array_equal(several.served.vote(each), expected.numpy())
    each[1, 2, 3] = np.nan
    assert np.isnan(several.served.vote(each)).all(1).tolist() == [False, False, True, False, False]


def test_a_candidates_usual_place_is_the_mean_of_its_percentiles(several: TrainedModel) -> None:
    graph, m = several.graph, several.graph.relations
    treats = graph.relation("CtD")
    treated = sorted({int(t[2]) for t in graph.triples if t[1] == treats})
    everything = [
        {a.id: a.percentile for a in predict(several, disease=graph.entities.ids[d], top=1000)} for d in treated
    ]
    usual = several.served.usual((treats + m,))
    for i, candidate in enumerate(graph.answers(treats + m)):
        expected = np.mean([each[graph.entities.ids[candidate]] for each in everything])
        assert usual[i] == pytest.approx(expected, abs=1e-3)
    assert predict(several, disease="asthma", top=1)[0].usual_percentile in usual


def test_probabilities_are_the_curve_over_pair_scores(several: TrainedModel, tmp_path: Path) -> None:
    calibrated = with_calibration(several)
    assert calibrated.calibrated
    save_trained(calibrated, tmp_path)
    pairs = Pairs.of(several.graph)
    scores = PairScores(several, pairs)
    ids = several.graph.entities.index
    for model in (calibrated, open_served(tmp_path), load_trained(tmp_path)):
        for side, entity in (("disease", "Disease::DOID:2841"), ("compound", "Compound::DB00331")):
            for a in predict(model, **{side: entity}, top=1000):
                compound, disease = (a.id, entity) if side == "disease" else (entity, a.id)
                key = pairs.keys(np.array([ids(compound)]), np.array([ids(disease)]))
                expected = calibrated.calibrated.curve(scores.pick(key).astype(np.float64))
                assert a.probability == pytest.approx(float(expected[0]), rel=1e-4)
        assert {a.probability for a in predict(model, head="Enalapril", relation="CbG")} == {None}


def test_a_calibration_written_later_changes_the_digest_and_nothing_else(several: TrainedModel, tmp_path: Path) -> None:
    save_trained(several, tmp_path)
    before = open_served(tmp_path)
    save_calibration(with_calibration(several, "isotonic"), tmp_path)
    after = open_served(tmp_path)  # every file is checked
    assert before.digest != after.digest
    assert [replace(a, probability=None) for a in predict(after, disease="asthma")] == predict(before, disease="asthma")


@pytest.mark.parametrize(
    "content", ["{}", '{"curve": {}, "relations": [1], "asking": [2], "scales": [1], "about": {}}']
)
def test_a_damaged_calibration_is_named(several: TrainedModel, tmp_path: Path, content: str) -> None:
    save_trained(several, tmp_path)
    (tmp_path / CALIBRATION).write_text(content)
    with pytest.raises(BadInputError, match=r"calibration\.json"):
        open_served(tmp_path, check=False)


def test_a_folder_of_before_facts_were_kept_answers_alike(several: TrainedModel, tmp_path: Path) -> None:
    import json
    import shutil

    from kgdrug.trained import MANIFEST

    save_trained(several, tmp_path)
    shutil.rmtree(tmp_path / "facts")
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["files"] = {name: sum_ for name, sum_ in manifest["files"].items() if not name.startswith("facts/")}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    assert predict(open_served(tmp_path), disease="asthma") == predict(several, disease="asthma")


def test_asking_a_folder_loads_no_torch(trained_run: Run) -> None:
    heavy = ("torch", "pandas", "polars", "scipy", "mlflow", "sklearn", "networkx")
    code = (
        "import sys, kgdrug\n"
        f"model = kgdrug.open_model({str(trained_run.folder)!r})\n"
        "assert kgdrug.predict(model, disease='asthma', filters=kgdrug.Filters(approved=True))\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
