"""The commands that judge models, by hand: evaluate with pairs of a file, folds, compare, calibrate."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import kgdrug
from kgdrug import Run
from kgdrug.config import SplitConfig
from kgdrug.judging import folds_trained
from kgdrug.trained import TrainedModel, save_trained

Kgdrug = Callable[..., SimpleNamespace]
pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")


def refused(done: SimpleNamespace, *parts: str) -> None:
    assert (done.code, done.out) == (2, "")
    assert 1 <= len(done.err.splitlines()) <= 2
    for part in parts:
        assert part in done.err


@pytest.fixture
def later(bare: Path) -> Path:
    """Pairs that the small graph does not hold, and one that no graph holds."""
    lines = ["DB00331\tDOID:10763", "DB00264\tDOID:6364", "DB00313\tDOID:9352", "DB99999\tDOID:6364"]
    (bare / "later.tsv").write_text("\n".join(["compound\tdisease", *lines]) + "\n")
    return bare / "later.tsv"


def test_the_pairs_of_a_file_are_told_from_all_others(kg: Kgdrug, trained_run: Run, later: Path) -> None:
    done = kg("evaluate", trained_run.folder, "--pairs", later)
    assert (done.code, done.err) == (0, "")
    first, unknown, joined, universe = done.out.splitlines()[:4]
    assert first == "4 pairs listed, 3 asked"
    assert joined == "asked, though training joins them otherwise: 1 by CpD"
    assert unknown == "left out: 1 not in the graph: DB99999 DOID:6364"
    graph = trained_run.model.graph
    treated = int((graph.triples[:, 1] == graph.relation("CtD")).sum())
    assert universe == f"universe: 154 pairs without {treated} known: {154 - treated - 3} negatives"
    assert f"3 pairs of 3 diseases among {154 - treated - 3} others" in done.out
    for words in ("AUROC, matched", "recall@1000", "mean over diseases", "baseline shared neighbours", "Entropy@10"):
        assert words in done.out
    assert "say nothing of how likely" in done.out


def test_the_same_in_json_with_a_universe_and_what_to_leave_out(kg: Kgdrug, trained_run: Run, later: Path) -> None:
    graph = trained_run.model.graph
    compounds = [i.partition("::")[2] for i in graph.entities.ids if i.startswith("Compound")]
    rows = [f"{c}\t{d}" for c in compounds for d in ("DOID:10763", "DOID:6364")]
    Path("universe.tsv").write_text("compound\tdisease\n" + "\n".join(rows))
    Path("gold.csv").write_text("doid_id,drugbank_id\nDOID:6364,DB00264\nDOID:6364,DB01202\n")
    done = kg("evaluate", trained_run.folder, "--pairs", later, "--universe", "universe.tsv", "--exclude", "gold.csv",
              "--json")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)
    by = report.pop("asked_by")
    assert (by["model_digest"], by["degree_corrected"]) == (trained_run.model.digest, False)
    assert {name: len(by[name]["sha256"]) for name in ("pairs", "universe", "exclude")} == dict.fromkeys(
        ("pairs", "universe", "exclude"), 64
    )
    assert report["listed"] == {
        "pairs": 4, "repeated": 0, "unknown": ["DB99999 DOID:6364"],
        "outside_universe": ["Compound::DB00313 Disease::DOID:9352"],
        "excluded": ["Compound::DB00264 Disease::DOID:6364"],
        "seen_in_training": [], "asked": 1, "joined_otherwise": {},
    }  # fmt: skip
    assert report["universe"]["pairs"] == 44
    assert report["counts"]["negatives"] == 44 - 1 - report["universe"]["excluded"] - report["universe"]["known"]
    assert 0 <= report["auroc"] <= 1
    assert report["auroc_low"] is None  # one disease
    assert set(report["baselines"]) == {"degree", "degree_product", "shared_neighbours", "random"}
    assert report == json.loads(
        json.dumps(kgdrug.evaluate_pairs(trained_run.model, trained_run.model.split, later, "universe.tsv", "gold.csv"))
    )


def test_degree_can_be_taken_out_of_the_scores(kg: Kgdrug, trained_run: Run, later: Path) -> None:
    plain, corrected = (
        json.loads(kg("evaluate", trained_run.folder, "--pairs", later, "--json", *words).out)
        for words in ([], ["--degree-corrected"])
    )
    assert corrected["popularity"]["score_and_degree"] < plain["popularity"]["score_and_degree"]
    assert corrected["auroc"] != plain["auroc"]
    assert corrected["baselines"] == plain["baselines"]
    ranks = kg("evaluate", trained_run.folder, "--degree-corrected")
    assert ranks.code == 0
    assert "small, degree-corrected" in ranks.out


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--universe", "later.tsv"], ["--universe needs --pairs"]),
        (["--exclude", "later.tsv"], ["--exclude needs --pairs"]),
        (["--pairs", "later.tsv", "--candidates", "all"], ["--candidates is about ranks"]),
        (["--pairs", "nowhere.tsv"], ["no such file: nowhere.tsv"]),
        (["--pairs", "later.tsv", "--universe", "nowhere.tsv"], ["no such file: nowhere.tsv"]),
        (["--pairs", "known.tsv"], ["none of its 1 pairs can be asked: 1 in the model's train or valid part, such as"]),
    ],
)
def test_what_cannot_be_judged_is_wrong_use(
    words: list[str], parts: list[str], kg: Kgdrug, trained_run: Run, later: Path
) -> None:
    split, ids = trained_run.model.split, trained_run.model.graph.entities.ids
    h, _, t = split.train[split.train[:, 1] == trained_run.model.graph.relation("CtD")][0].tolist()
    Path("known.tsv").write_text(f"compound\tdisease\n{ids[h]}\t{ids[t]}\n")
    refused(kg("evaluate", trained_run.folder, *words), *parts)


@pytest.mark.parametrize(
    ("text", "part"), [("compound\tillness\nDB00331\tDOID:1\n", "disease is not in it"), ("", "bad.tsv"),
                       ("compound\tdisease\nDOID:6364\tDB00331\n", "the columns may be swapped")]
)  # fmt: skip
def test_a_bad_file_is_named_with_what_is_wrong(text: str, part: str, kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    Path("bad.tsv").write_text(text)
    done = kg("evaluate", trained_run.folder, "--pairs", "bad.tsv")
    assert (done.code, done.out) == (1, "")
    assert part in done.err
    assert "bad.tsv" in done.err


# folds


def save(name: str, model: TrainedModel) -> str:
    Path(name).mkdir()
    save_trained(model, Path(name))
    return name


@pytest.fixture
def three(trained_run: Run, bare: Path) -> list[str]:
    """The trained model, put on each of three folds."""
    model = trained_run.model
    splits = [kgdrug.split_graph(model.graph, SplitConfig(folds=3, fold=i)) for i in range(3)]
    return [save(f"fold-{i}", replace(model, split=split)) for i, split in enumerate(splits)]


def test_folds_are_taken_together_beside_the_baselines(kg: Kgdrug, three: list[str]) -> None:
    done = kg("folds", *three)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("3 of 3 folds of complex; kind pairs, valid 0.1, seed 0, folds 3; graph ")
    report = json.loads(kg("folds", *three, "--json").out)
    assert report == json.loads(json.dumps(folds_trained({name: kgdrug.load_model(name) for name in three})))
    lines = [line.split() for line in done.out.splitlines()]
    for i, about in enumerate(report["models"]):
        (line,) = (line for line in lines if line[:1] == [f"fold-{i}"])
        assert line[1:4] == [str(i), str(about["test"]), f"{about['both']['mrr']:.3f}"]
    both = report["both"]
    whole = f"{both['mrr']:.3f} ± {both['mrr_deviation']:.3f} [{both['mrr_low']:.2f}, {both['mrr_high']:.2f}]"
    assert whole in done.out
    for words in ("mean over 3 folds", "head asked", "mean over diseases", "baseline shared neighbours", "ahead of",
                  "AUROC, matched", "Student's interval", "somewhat too narrow"):  # fmt: skip
        assert words in done.out
    ahead = report["differences"]["degree_product"]["pairs"]["auroc"]
    assert next(line for line in reversed(lines) if line[:2] == ["degree", "product"])[8] == f"{ahead:+.3f}"


def test_repeats_of_a_training_are_told_by_their_seeds(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    model = trained_run.model
    names = [save(f"m{i}", replace(model, experiment=replace(model.experiment, seed=i))) for i in (4, 9)]
    done = kg("folds", *names)
    assert (done.code, done.err) == (0, "")
    assert "over seeds of the training alone" in done.out
    report = json.loads(kg("folds", *names, "--json").out)
    assert (report["repeats"], [one["number"] for one in report["models"]]) == ("seeds", [4, 9])
    assert report["both"]["mrr"] == pytest.approx(model.metrics["both"]["mrr"])
    again = save("again", kgdrug.load_model("m4"))
    refused(kg("folds", *names, again), "m4 and again are of one split and one seed, 4")


def test_models_that_were_not_trained_alike_are_taken_together_with_a_warning(
    kg: Kgdrug, trained_run: Run, three: list[str]
) -> None:
    model = kgdrug.load_model("fold-1")
    experiment = replace(model.experiment, training=replace(model.experiment.training, epochs=9))
    shutil.rmtree("fold-1")
    save("fold-1", replace(model, experiment=experiment))
    done = kg("folds", *three)
    assert done.code == 0
    told = "training.epochs is 8 in fold-0, 9 in fold-1, 8 in fold-2"
    assert done.err == f"WARNING: the models were not trained alike: {told}\n"
    assert json.loads(kg("folds", *three, "--json").out)["differ"] == {"training.epochs": [8, 9, 8]}


def test_models_that_make_no_mean_are_refused(kg: Kgdrug, trained_run: Run, three: list[str]) -> None:
    model = kgdrug.load_model("fold-2")
    other = kgdrug.TableModel.create("distmult", len(model.graph.entities), model.graph.relations, 16, 0)
    config = replace(model.experiment.model, score="distmult")
    distmult = replace(model, members=[other], experiment=replace(model.experiment, model=config))
    fewer = replace(model.graph, triples=model.graph.triples[1:])
    split = kgdrug.split_graph(fewer, SplitConfig(folds=3, fold=2))
    among = replace(model.experiment, evaluation=replace(model.experiment.evaluation, candidates="all"))
    save("among-all", replace(model, experiment=among))
    save("distmult", distmult)
    save("fewer", replace(model, split=split))
    refused(kg("folds", "fold-0"), "1 model came")
    refused(kg("folds", *three, "fold-1"), "fold-1 came twice")
    refused(kg("folds", *three[:2], "distmult"), "fold-0 is complex and distmult distmult", "kgdrug compare")
    refused(kg("folds", *three[:2], "fewer"), "fewer is of another graph than fold-0")
    refused(kg("folds", *three[:2], trained_run.folder), "neither folds of one split nor repeats: ")
    refused(kg("folds", *three, "--candidates", "all"), "mean nothing")
    for command in (("folds", "fold-0", "fold-1", "among-all"), ("compare", "fold-0", "among-all")):
        refused(kg(*command), "evaluated among other candidates; give --candidates typed or all")
    refused(kg("folds", "fold-0", "nothing"), "no such model: nothing")


# compare


@pytest.fixture
def two(trained_run: Run, bare: Path) -> tuple[Path, Path]:
    """The trained model, and one with its entities' rows turned round."""
    other = replace(trained_run.model.members[0], entity=trained_run.model.members[0].entity.flip(0))
    Path("other").mkdir()
    experiment = replace(trained_run.model.experiment, name="turned")
    save_trained(replace(trained_run.model, members=[other], experiment=experiment), Path("other"))
    return trained_run.folder, Path("other")


def test_two_models_are_compared_on_the_same_queries(kg: Kgdrug, trained_run: Run, two: tuple[Path, Path]) -> None:
    done = kg("compare", *two)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:2] == [f"A  small ({two[0]})", "B  turned (other)"]
    assert f"{trained_run.model.metrics['both']['mrr']:.3f}" in done.out
    for words in ("A - B [95 %]", "both sides", "head asked", "tail asked", "sign flips"):
        assert words in done.out
    report = json.loads(kg("compare", *two, "--json").out)
    assert (report["a"], report["b"]) == ("small", "turned")
    assert report["both"]["mrr_a"] == trained_run.model.metrics["both"]["mrr"]
    assert report["both"]["difference_low"] <= report["both"]["difference"] <= report["both"]["difference_high"]
    assert 0 < report["both"]["p"] <= 1


def test_models_of_other_splits_are_compared_with_a_warning(
    kg: Kgdrug, trained_run: Run, two: tuple[Path, Path]
) -> None:
    model = kgdrug.load_model("other")
    shutil.rmtree("other")
    Path("other").mkdir()
    split = model.split
    moved = replace(split, test=split.test[1:], withheld=split.test[:1])
    save_trained(replace(model, split=moved), Path("other"))
    done = kg("compare", *two)
    assert done.code == 0
    tests = len(split.test)
    assert done.err == (
        f"WARNING: the models have other splits; compared on the {tests - 1} test triples that both hold, "
        f"of {tests} and {tests - 1}\n"
    )


def test_models_that_cannot_be_compared_are_refused(kg: Kgdrug, two: tuple[Path, Path]) -> None:
    refused(kg("compare", two[0], "nothing"), "no such model: nothing")
    refused(kg("compare", *two, "--candidates", "all"), "mean nothing")


# calibrate


def test_a_model_is_calibrated_without_being_changed(kg: Kgdrug, trained_run: Run) -> None:
    files = {path: path.read_bytes() for path in trained_run.folder.rglob("*") if path.is_file()}
    done = kg("calibrate", trained_run.folder, "--out", "curve.json")
    assert (done.code, done.err) == (0, "wrote curve.json\n")
    assert "expected calibration error" in done.out
    assert "none that a compound works" in done.out
    written = json.loads(Path("curve.json").read_text())
    assert written["model_digest"] == trained_run.model.digest
    curve, report = kgdrug.calibrate(trained_run.model, trained_run.model.split)
    assert kgdrug.Calibration.from_dict(written["curve"]) == curve
    assert written["ece"] == report["ece"]
    assert {path: path.read_bytes() for path in trained_run.folder.rglob("*") if path.is_file()} == files
    refused(kg("calibrate", trained_run.folder, "--out", "curve.json"), "curve.json")
    report = json.loads(kg("calibrate", trained_run.folder, "--kind", "isotonic", "--json").out)
    assert report["curve"]["kind"] == "isotonic"


def test_nothing_is_called_a_probability_without_a_calibration(kg: Kgdrug, trained_run: Run, later: Path) -> None:
    outputs = [
        kg("evaluate", trained_run.folder),
        kg("evaluate", trained_run.folder, "--pairs", later),
        kg("evaluate", trained_run.folder, "--json"),
        kg("predict", trained_run.folder, "--disease", "asthma"),
        kg("predict", trained_run.folder, "--disease", "asthma", "--format", "json"),
    ]
    for done in outputs:
        assert "probability" not in done.out
