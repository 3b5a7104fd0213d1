"""Folds and repeats against Python's statistics over a list of reports."""

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kgdrug.config import SplitConfig
from kgdrug.errors import UsageError
from kgdrug.evaluation import evaluate, evaluate_folds, rank_triples, repeats_of
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import TableModel
from kgdrug.splits import Split, split_graph

T = {2: 12.706205, 3: 4.302653, 4: 3.182446}  # two-sided 95 % quantiles of Student's t, by the number of folds
SIDES = ("both", "head", "tail")


@pytest.fixture(scope="module")
def graph() -> KnowledgeGraph:
    """16 compounds and 12 diseases, of which those with low indices are treated most."""
    rng = np.random.default_rng(0)
    types = EntityType("Compound", 0, 16), EntityType("Disease", 16, 28)
    edges = Metaedge("CrC", "Compound", "resembles", "Compound"), Metaedge("CtD", "Compound", "treats", "Disease")
    resembles = [(h, 0, t) for h in range(16) for t in range(16) if rng.random() < 0.15]
    treats = [(h, 1, t) for h in range(16) for t in range(16, 28) if rng.random() < 1.5 / (t - 13)]
    ids = Vocabulary(f"e{i}" for i in range(28))
    return KnowledgeGraph(ids, types, edges, np.array([*resembles, *treats]), ("CtD",))


def parted(graph: KnowledgeGraph, **settings: Any) -> Split:
    return split_graph(graph, SplitConfig(**{"valid": 0.1, **settings}))


def models_of(splits: Mapping[str, Split]) -> dict[str, tuple[TableModel, Split]]:
    """A model of each split, each with numbers of its own."""
    return {
        name: (TableModel.create("distmult", len(s.graph.entities), s.graph.relations, 4, i), s)
        for i, (name, s) in enumerate(splits.items())
    }


@pytest.fixture(scope="module")
def folds(graph: KnowledgeGraph) -> dict[str, Split]:
    return {f"models/{i}": parted(graph, folds=4, fold=i) for i in range(4)}


def over(values: list[float]) -> tuple[float, float, float, float]:
    """Mean, standard deviation, and the ends of Student's interval."""
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    half = T[len(values)] * deviation / math.sqrt(len(values))
    return mean, deviation, mean - half, mean + half


def told(table: Mapping[str, Any], key: str) -> tuple[float, float, float, float]:
    return tuple(table[key + end] for end in ("", "_deviation", "_low", "_high"))


def test_the_mean_and_its_interval_are_over_one_number_a_fold(folds: dict[str, Split]) -> None:
    models = models_of(folds)
    found = evaluate_folds(models)
    assert (found["repeats"], found["candidates"]) == ("folds", "typed")
    assert found["split"] == {"kind": "pairs", "valid": 0.1, "seed": 0, "folds": 4}
    mrr = [float((1 / rank_triples(m, s.test, s.known, s.graph).rank).mean()) for m, s in models.values()]
    assert told(found["both"], "mrr") == pytest.approx(over(mrr), rel=1e-4, abs=1e-6)
    reports = [evaluate(model, split) for model, split in models.values()]
    for key in ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank", "amri"):
        for side in SIDES:
            values = [report[side][key] for report in reports]
            assert told(found[side], key) == pytest.approx(over(values), rel=1e-4, abs=1e-6)
        values = [report["by_disease"][key] for report in reports]
        assert told(found["by_disease"], key) == pytest.approx(over(values), rel=1e-4, abs=1e-6)
    for key in ("auroc", "auprc", "macro_auroc", "recall_at_100", "enrichment_1pct"):
        values = [report["pairs"][key] for report in reports]
        assert told(found["pairs"], key) == pytest.approx(over(values), rel=1e-4, abs=1e-6)
    assert "queries_low" not in found["both"]
    json.dumps(found, allow_nan=False)


def test_each_baseline_has_the_same_and_how_far_the_model_is_ahead_fold_by_fold(folds: dict[str, Split]) -> None:
    models = models_of(folds)
    found, reports = evaluate_folds(models), [evaluate(model, split) for model, split in models.values()]
    assert set(found["baselines"]) == set(found["differences"]) == set(reports[0]["baselines"])
    for name in found["baselines"]:
        parts = {
            ("both", "mrr"): [r["baselines"][name]["mrr"] for r in reports],
            ("head", "hits_at_10"): [r["baselines_by_side"]["head"][name]["hits_at_10"] for r in reports],
            ("tail", "mrr"): [r["baselines_by_side"]["tail"][name]["mrr"] for r in reports],
            ("by_disease", "mrr"): [r["baselines_by_disease"][name]["mrr"] for r in reports],
            ("pairs", "auroc"): [r["pairs"]["baselines"][name]["auroc"] for r in reports],
            ("pairs", "auprc"): [r["pairs"]["baselines"][name]["auprc"] for r in reports],
        }
        for (part, key), values in parts.items():
            assert told(found["baselines"][name][part], key) == pytest.approx(over(values), rel=1e-4, abs=1e-6)
            ahead = [report[part][key] - value for report, value in zip(reports, values, strict=True)]
            assert told(found["differences"][name][part], key) == pytest.approx(over(ahead), rel=1e-4, abs=1e-6)


def test_each_fold_is_named_with_what_it_scores(folds: dict[str, Split]) -> None:
    models = models_of(folds)
    for i, (about, (name, (model, split))) in enumerate(
        zip(evaluate_folds(models)["models"], models.items(), strict=True)
    ):
        report = evaluate(model, split)
        assert (about["model"], about["number"], about["split"], about["test"]) == (
            name, i, split.digest, len(split.test)
        )  # fmt: skip
        assert about["both"]["mrr"] == report["both"]["mrr"]
        assert about["pairs"]["auroc"] == report["pairs"]["auroc"]


def test_what_one_fold_lacks_the_mean_lacks(folds: dict[str, Split]) -> None:
    models = models_of(folds)
    model, split = models["models/1"]
    others = split.test[split.test[:, 1] == 1]
    models["models/1"] = model, replace(split, test=split.train[split.train[:, 1] == 0][:3], withheld=others)
    found = evaluate_folds(models)
    assert found["pairs"] is found["baselines"]["degree"]["pairs"] is found["differences"]["degree"]["pairs"] is None
    assert found["by_disease"] is None
    assert found["both"]["mrr_low"] < found["both"]["mrr"] < found["both"]["mrr_high"]


def test_some_folds_of_a_set_do(folds: dict[str, Split]) -> None:
    assert repeats_of({name: folds[name] for name in ("models/3", "models/1")}) == "folds"


def test_hold_outs_by_several_seeds_are_repeats(graph: KnowledgeGraph) -> None:
    splits = {str(seed): parted(graph, seed=seed) for seed in (5, 7)}
    found = evaluate_folds(models_of(splits))
    assert (found["repeats"], [one["number"] for one in found["models"]]) == ("splits", [5, 7])
    assert "seed" not in found["split"]
    assert repeats_of({str(seed): parted(graph, seed=seed, folds=3, fold=1) for seed in (0, 1)}) == "splits"


def test_models_of_one_split_are_repeats_of_the_training(graph: KnowledgeGraph) -> None:
    found = evaluate_folds(models_of({name: parted(graph) for name in "abc"}))
    assert found["repeats"] == "seeds"
    assert found["both"]["mrr_deviation"] > 0
    assert found["baselines"]["degree"]["both"]["mrr_deviation"] == pytest.approx(0, abs=1e-12)


def test_the_name_of_a_file_is_no_difference_but_what_it_held_is(folds: dict[str, Split]) -> None:
    def named(text: str, sha256: str) -> dict[str, Split]:
        first, second = folds["models/0"], folds["models/1"]
        made = [{**each.made, "kind": "groups", "sha256": "ab"} for each in (first, second)]
        return {
            "a": replace(first, made={**made[0], "groups": "here.tsv"}),
            "b": replace(second, made={**made[1], "groups": text, "sha256": sha256}),
        }

    assert repeats_of(named("there.tsv", "ab")) == "folds"
    with pytest.raises(UsageError, match="sha256 is ab in a and cd in b"):
        repeats_of(named("here.tsv", "cd"))


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("one", "1 model came; a mean needs two or more"),
        ("graphs", "b is of another graph than a"),
        ("empty", "b has no test triples"),
        ("kinds", "neither folds of one split nor repeats: kind is pairs in a and cold-disease in b; fold is 0 in a"),
        ("sets", "folds is 4 in a and 3 in b"),
        ("both", "seed is 0 in a and 1 in c; fold is 0 in a and 1 in b"),
        ("twice", "a and c are of one split, which may come but once"),
        ("fixed", "a split of the kind fixed is not drawn"),
    ],
)
def test_what_is_no_set_of_folds_or_repeats_is_refused(which: str, message: str, graph: KnowledgeGraph) -> None:
    first = parted(graph, folds=4, fold=0)
    fewer = replace(graph, triples=graph.triples[:-1])
    fixed = [Split(graph, s.train, s.valid, s.test, s.withheld, {"kind": "fixed", "folder": str(s.made["fold"])})
             for s in (first, parted(graph, folds=4, fold=1))]  # fmt: skip
    splits = {
        "one": [first],
        "graphs": [first, parted(fewer, folds=4, fold=1)],
        "empty": [first, replace(first, test=first.test[:0])],
        "kinds": [first, parted(graph, kind="cold-disease", folds=4, fold=1)],
        "sets": [first, parted(graph, folds=3, fold=1)],
        "both": [first, parted(graph, folds=4, fold=1), parted(graph, folds=4, fold=0, seed=1)],
        "twice": [first, parted(graph, folds=4, fold=1), first],
        "fixed": fixed,
    }[which]
    with pytest.raises(UsageError, match=message):
        evaluate_folds(models_of(dict(zip("abc", splits, strict=False))))
