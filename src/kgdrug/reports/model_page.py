"""One page about a trained model: what it was asked, how well it answered, and what it must not be used for."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kgdrug.config import flat
from kgdrug.errors import UsageError
from kgdrug.reports import words

if TYPE_CHECKING:
    from kgdrug.trained import TrainedModel

MOST_DISEASES = 10  # easiest, and hardest, that are listed


def model_page(model: "TrainedModel", report: Mapping[str, Any] | None = None) -> str:
    """A self-contained HTML page: it has no script and asks for nothing from outside. Equal models have equal pages.

    report: what `evaluate` says of the model, where it is known already.
    """
    # torch and matplotlib load when a page is made, not for the words
    from kgdrug.evaluation import evaluate
    from kgdrug.reports import model_plots as plots
    from kgdrug.reports.pages import render
    from kgdrug.reports.svg import drawing
    from kgdrug.splits import audit, given_away

    split, graph, experiment = model.split, model.graph, model.experiment
    report = dict(report if report is not None else evaluate(model, split, experiment.evaluation.candidates))
    diseases, calibrated = _diseases(model, report), _calibrated(model, report)
    with drawing():
        pictures = {
            "sides": plots.models_by_side(report),
            "degrees": plots.mrr_by_degree(report["by_degree"], report["baselines_by_degree"]),
            "reliability": plots.reliability_plot(calibrated) if calibrated else "",
            "diseases": plots.spread_over_diseases([row["auroc"] for row in diseases]) if diseases else "",
        }
    findings = audit(split)
    return render(
        "model.html.j2",
        model=model,
        graph=graph,
        split=split,
        report=report,
        pictures=pictures,
        findings=findings,
        given_away=given_away(findings),
        diseases=diseases,
        calibrated=calibrated,
        most=MOST_DISEASES,
        settings=flat(model.experiment),
        licences=_licences(model),
        kind=model.kind,
        parts=model.parts,
        made=words.plain(dict(split.made)),
        rounded=_rounded,
        interval=_interval,
    )


def _diseases(model: "TrainedModel", report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What came of each disease that test asks about, easiest first."""
    if not report["pairs"]:
        return []
    entities = model.graph.entities
    rows = [
        {"id": i, "name": entities.names[entities.index(i)], **values}
        for i, values in report["pairs"]["by_disease"].items()
        if values["auroc"] is not None
    ]
    return sorted(rows, key=lambda row: (-row["auroc"], row["name"]))


def _calibrated(model: "TrainedModel", report: Mapping[str, Any]) -> dict[str, Any] | None:
    """How well probabilities learnt from valid hold on test; None where the split cannot tell."""
    if not report["pairs"]:
        return None
    from kgdrug.evaluation import calibrate

    try:
        return calibrate(model, model.split)[1]
    except UsageError:
        return None


def _licences(model: "TrainedModel") -> dict[str, list[str]]:
    """The metaedges under each licence."""
    found: dict[str, list[str]] = {}
    for metaedge in model.graph.metaedges:
        found.setdefault(metaedge.licence or "none stated", []).append(metaedge.abbreviation)
    return dict(sorted(found.items()))


def _rounded(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _interval(values: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """`0.41 to 0.62`, the ends of a metric's interval; a dash where there is none."""
    low, high = values.get(f"{name}_low"), values.get(f"{name}_high")
    return "-" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"
