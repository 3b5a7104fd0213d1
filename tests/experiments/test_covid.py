"""The COVID-19 experiment on generated data of DRKG's form, beside the scoring rule of DRKG's authors, by hand."""

import importlib.util
import json
import math
import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import kgdrug

SCRIPT = Path(__file__).parents[2] / "experiments" / "covid.py"
CTD, TREATS, BINDS = "Hetionet::CtD::Compound:Disease", "GNBR::T::Compound:Disease", "DRUGBANK::target::Compound:Gene"
GAMMA = 12.0
DRUGS = [f"Compound::DB{i:05}" for i in range(300)]
DISEASES = [f"Disease::SARS-CoV2 {i}" for i in range(6)]
OTHERS = [f"Disease::DOID:{i}" for i in range(5)] + [f"Gene::{i}" for i in range(20)]


@pytest.fixture(scope="module")
def covid() -> ModuleType:
    spec = importlib.util.spec_from_file_location("covid", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["covid"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def drkg(bare: Path) -> Path:
    """A terminal in a folder with vectors in DRKG's form (`embed`) and DRKG's small files (`data/drkg`)."""
    draw, names = np.random.default_rng(3), [*DRUGS, *DISEASES, *OTHERS]
    random.Random(1).shuffle(names)
    embed, data = bare / "embed", bare / "data" / "drkg"
    for folder in (embed, data):
        folder.mkdir(parents=True)
    np.save(embed / "DRKG_TransE_l2_entity.npy", draw.normal(size=(len(names), 16)).astype(np.float32))
    np.save(embed / "DRKG_TransE_l2_relation.npy", draw.normal(size=(3, 16)).astype(np.float32))
    for file, listed in (("entities.tsv", names), ("relations.tsv", [BINDS, TREATS, CTD])):
        (embed / file).write_text("".join(f"{name}\t{i}\n" for i, name in enumerate(listed)))
    (data / "infer_drug.tsv").write_text("".join(f"{drug}\t6\n" for drug in [*DRUGS[:250], "Compound::unknown"]))
    (data / "covid_disease_entities.txt").write_text("".join(f"{d}\n" for d in [*DISEASES, "Disease::MESH:unknown"]))
    trials = [f"{i}\tName\t{drug.removeprefix('Compound::')}\n" for i, drug in enumerate(DRUGS[240:260])]
    (data / "COVID19_clinical_trial_drugs.tsv").write_text("".join(trials))
    return bare


def by_the_authors(folder: Path, without: set[tuple[str, str, str]] = frozenset()) -> list[tuple[str, float]]:
    """Their rule over Python floats: the best of logsigmoid(gamma - ||h + r - t||), drugs sorted by it."""
    names = [line.split("\t")[0] for line in (folder / "embed" / "entities.tsv").read_text().splitlines()]
    entity = np.load(folder / "embed" / "DRKG_TransE_l2_entity.npy").astype(float)
    relation = np.load(folder / "embed" / "DRKG_TransE_l2_relation.npy").astype(float)
    best = {}
    for drug in DRUGS[:250]:
        scores = []
        for disease in DISEASES:
            for r, name in ((1, TREATS), (2, CTD)):
                if (drug, name, disease) not in without:
                    distance = math.dist(entity[names.index(drug)] + relation[r], entity[names.index(disease)])
                    scores.append(-math.log1p(math.exp(-(GAMMA - distance))))
        best[drug] = max(scores)
    return sorted(best.items(), key=lambda pair: -pair[1])


def run(covid: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["covid.py", *words])
    covid.main()


def test_imported_vectors_rank_the_candidates_as_the_authors_rule_does(drkg, covid, monkeypatch, capsys):
    monkeypatch.setenv("KGDRUG_DATA", str(drkg / "data"))
    model = kgdrug.read_dglke(drkg / "embed")
    lists = covid.Lists.read(drkg / "data" / "drkg")
    ranking = covid.rank_drugs(model, lists.candidates, lists.diseases)
    expected = by_the_authors(drkg)
    assert list(ranking.drugs) == [drug for drug, _ in expected]
    ours = [-math.log1p(math.exp(-(GAMMA + score))) for score in ranking.scores]
    assert ours == pytest.approx([score for _, score in expected], rel=1e-4)
    assert ranking.diseases == tuple(DISEASES)
    assert ranking.leaked == ()

    places = [place for place, (drug, _) in enumerate(expected) if drug in DRUGS[240:250]]
    (drkg / "models").mkdir()
    kgdrug.save_trained(model, drkg / "models")
    run(covid, monkeypatch, str(drkg / "models"), "--json", "found.json")
    found = json.loads(Path("found.json").read_text())
    assert found["places"] == places
    assert (found["candidates"], found["diseases"], found["trial_drugs"]) == (250, 6, 10)
    assert found["hits"] == sum(place < 100 for place in places)
    assert f"{found['hits']} of 10 drugs in trials are among the first 100 of 250 candidates" in capsys.readouterr().out


def test_a_known_treatment_of_an_asked_disease_is_counted_and_has_no_score(drkg, covid):
    known = {
        (by_the_authors(drkg)[0][0], CTD, DISEASES[2]),
        (DRUGS[7], TREATS, DISEASES[0]),
        (DRUGS[299], CTD, DISEASES[0]),
    }
    facts = [*known, (DRUGS[3], BINDS, "Gene::1"), (DRUGS[4], CTD, "Disease::DOID:1")]
    (drkg / "drkg.tsv").write_text("".join("\t".join(fact) + "\n" for fact in facts))
    model = kgdrug.read_dglke(drkg / "embed", drkg / "drkg.tsv")
    lists = covid.Lists.read(drkg / "data" / "drkg")
    ranking = covid.rank_drugs(model, lists.candidates, lists.diseases)
    assert list(ranking.drugs) == [drug for drug, _ in by_the_authors(drkg, known)]
    assert set(ranking.leaked) == {(drug, disease) for drug, _, disease in known if drug != DRUGS[299]}


def test_chance_is_hypergeometric(covid):
    ranking = covid.Ranking(tuple("abcdefgh"), tuple(range(8)), ("d",), ())
    found = covid.summary(ranking, ["a", "b", "h", "zz"], top=3)
    # two or three of the three drugs among three of eight places
    assert (found["hits"], found["places"], found["trial_drugs"]) == (2, [0, 1, 7], 3)
    assert found["p"] == pytest.approx((3 * 5 + 1) / 56)
    assert found["expected"] == pytest.approx(9 / 8)


def test_a_model_without_candidates_says_so(covid, trained_run):
    with pytest.raises(SystemExit, match="has 0 candidates"):
        covid.rank_drugs(trained_run.model, ["Compound::nothing"], ["Disease::nothing"])
