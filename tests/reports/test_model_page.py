"""The page of a model, as text and in a browser."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgdrug import Run, TrainedModel, audit, calibrate, evaluate, model_page
from kgdrug.splits import given_away

EVIL = "<script>alert(1)</script>"
ReadPage = Callable[[str], Any]  # see conftest.py


@pytest.fixture(scope="module")
def model(trained_run: Run) -> TrainedModel:
    return trained_run.model


@pytest.fixture(scope="module")
def html(model: TrainedModel) -> str:
    return model_page(model)


def test_the_tables_say_what_the_evaluation_found(model: TrainedModel, html: str, read_page: ReadPage) -> None:
    report, page = evaluate(model, model.split), read_page(html)
    rows = {row[0]: row[1:] for row in page.rows("test", "MRR")}
    assert set(rows) >= {"this model", "this model, head asked", "baseline random", "baseline random, tail asked"}
    for name, values in (("this model", report["both"]), ("this model, tail asked", report["tail"])):
        assert rows[name][0] == f"{values['mrr']:.3f}"
        assert rows[name][1] == f"{values['mrr_low']:.3f} to {values['mrr_high']:.3f}"
        assert rows[name][-1] == str(values["queries"])
    assert {f"baseline {name}".replace("_", " ") for name in report["baselines"]} <= set(rows)
    pairs = {row[0]: row[1:] for row in page.rows("test pairs", "AUROC")}
    assert pairs["this model"][0] == f"{report['pairs']['auroc']:.3f}"
    assert len(pairs) == 1 + len(report["pairs"]["baselines"])
    for title, key, digits, head in (
        ("recall@100", "recall_at_100", 3, "first of all pairs"),
        ("AUROC", "macro_auroc", 3, "mean over diseases"),
        ("recall@10", "macro_recall_at_10", 3, "recall, mean over diseases"),
    ):
        of_models = [report["pairs"], *report["pairs"]["baselines"].values()]
        assert [row[1:3] for row in page.rows(head, title)] == [
            [f"{v[key]:.{digits}f}", f"{v[f'{key}_low']:.{digits}f} to {v[f'{key}_high']:.{digits}f}"]
            for v in of_models
        ]
    diseases = {row[1]: row for row in page.rows("disease", "id")}
    assert set(diseases) == {i for i, one in report["pairs"]["by_disease"].items() if one["auroc"] is not None}


def test_every_table_of_ranks_has_the_baselines(model: TrainedModel, html: str, read_page: ReadPage) -> None:
    report, page = evaluate(model, model.split), read_page(html)
    over = f", mean over {report['by_disease']['groups']} diseases"
    macro = {"this model": report["by_disease"]}
    macro |= {f"baseline {name.replace('_', ' ')}": v for name, v in report["baselines_by_disease"].items()}
    rows = {row[0]: row[1:] for row in page.rows("test", "MRR")}
    for name, values in macro.items():
        interval = f"{values['mrr_low']:.3f} to {values['mrr_high']:.3f}"
        assert rows[name + over][:2] == [f"{values['mrr']:.3f}", interval]
    for row in page.rows("triples in training", "queries"):
        others = report["baselines_by_degree"][row[0]].values()
        assert row[3] == f"{report['by_degree'][row[0]]['mrr']:.3f}"
        assert row[5:] == [f"{other['mrr']:.3f}" for other in others]
    assert len(page.rows("triples in training")) == len(report["by_degree"])
    several = {**report, "by_metaedge": report["by_degree"], "baselines_by_metaedge": report["baselines_by_degree"]}
    by_metaedge = read_page(model_page(model, several)).rows("metaedge", "queries")
    assert by_metaedge == page.rows("triples in training", "queries")


def test_calibration_is_told_as_it_was_judged_on_test(model: TrainedModel, html: str, read_page: ReadPage) -> None:
    _, report = calibrate(model, model.split)
    page = read_page(html)
    rows = page.rows("predicted", "observed")
    assert [row[-1] for row in rows] == [str(one["pairs"]) for one in report["bins"]]
    assert f"Expected calibration error {report['ece']:.2g}." in page.text
    without_valid = replace(model, split=replace(model.split, valid=model.split.valid[:0]))
    assert not read_page(model_page(without_valid)).rows("predicted", "observed")


def test_split_audit_card_and_settings_are_told(model: TrainedModel, html: str, read_page: ReadPage) -> None:
    page, findings = read_page(html), audit(model.split)
    assert [row[0] for row in page.rows("finding", "metaedges")] == [one.kind for one in findings]
    shown = "none" if not given_away(findings) else str(given_away(findings))
    assert f"Training gives away {shown} of {len(model.split.test)} test triples." in page.text
    assert "kind pairs" in page.text
    for words in ("intended use", "not intended", "no medical advice", "CC0 1.0", model.split.digest, model.digest):
        assert words in page.text
    assert ["training.epochs", "8"] in [row for table in page.tables for row in table]
    assert "does not say how likely" in page.text
    before, calibrated = page.text.split("Calibration A curve")
    assert "probabilit" not in before + calibrated.partition("Settings name")[2]


def test_a_page_is_self_contained_and_escapes_what_comes_from_the_graph(
    model: TrainedModel, read_page: ReadPage
) -> None:
    graph = model.graph
    renamed = replace(model.experiment, name=EVIL)
    html = model_page(replace(model, experiment=renamed))
    assert EVIL not in html
    page = read_page(html)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "iframe", "object", "img", "link"})
    assert all(
        not str(value).startswith(("http", "//", "file", "javascript"))
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("href", "src")
    )
    assert graph.digest in page.text
    assert html == model_page(replace(model, experiment=renamed))


def test_a_model_of_a_graph_without_treatments_has_a_page_without_pairs(
    model: TrainedModel, read_page: ReadPage
) -> None:
    split = replace(model.split, graph=replace(model.graph, treats=()))
    page = read_page(model_page(replace(model, split=split)))
    assert page.rows("test", "MRR")
    assert not page.rows("test pairs", "AUROC")
    assert "Popularity" not in page.text


def test_the_command_writes_the_page_and_spares_what_is_there(
    model: TrainedModel, trained_run: Run, laboratory: Path, kgdrug_command: Callable, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    done = kgdrug_command("report", trained_run.folder, "--out", file)
    assert (done.code, done.out) == (0, f"wrote {file}\n")
    assert model.name in file.read_text(encoding="utf-8")
    done = kgdrug_command("report", trained_run.folder, "--out", file)
    assert done.code == 2
    assert "exists" in done.err
    assert kgdrug_command("report", trained_run.folder, "--out", file, "--force").code == 0


def test_a_browser_shows_the_whole_page(browser: Callable[[str], str], read_page: ReadPage, html: str) -> None:
    shown, written = read_page(browser(html)), read_page(html)
    assert shown.text == written.text
    assert [tag for tag, _ in shown.tags if tag == "svg"] == [tag for tag, _ in written.tags if tag == "svg"]
    assert len(shown.tables) == len(written.tables)
