"""The plots of a model's page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from kgdrug.reports.svg import ACCENT, FAINT, INK, TREAT, new_figure, text_for_drawing, to_svg

_SIDES = {"head": "head asked: which compounds?", "tail": "tail asked: which diseases?"}


def models_by_side(report: Mapping[str, Any]) -> str:
    """The MRR of the model and of each baseline with its interval, for each side."""
    others = list(report["baselines"])
    figure = new_figure(900, 70 + 26 * (1 + len(others)))
    for axes, (side, title) in zip(figure.subplots(1, 2, sharex=True, sharey=True), _SIDES.items(), strict=True):
        rows = {"this model": report[side], **{name: report["baselines_by_side"][side][name] for name in others}}
        for place, (name, values) in enumerate(rows.items()):
            _point(axes, values, "mrr", place, TREAT if name == "this model" else ACCENT)
        axes.set_yticks(range(len(rows)), [text_for_drawing(name.replace("_", " "), 30) for name in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, None)
        axes.set_xlabel("MRR")
        axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
        axes.grid(True, axis="x")
        axes.set_axisbelow(True)
    return to_svg(figure, "plot-sides", "MRR of the model and the baselines with 95 % intervals, for both sides")


def mrr_by_degree(by_degree: Mapping[str, Mapping[str, Any]], baselines: Mapping[str, Mapping[str, Any]]) -> str:
    """The MRR by how often the answer answers the same relation in training, with intervals and counts.

    baselines: of the same rows, those of each baseline by name; a short line each.
    """
    figure = new_figure(900, 250)
    axes = figure.subplots()
    for place, (row, values) in enumerate(by_degree.items()):
        others = [other["mrr"] for other in baselines[row].values()]
        axes.hlines(others, place - 0.07, place + 0.07, color=FAINT, linewidth=1.5)
        if values["mrr"] is not None:
            low, high = (values[f"mrr_{end}"] for end in ("low", "high"))
            if low is not None:
                axes.vlines(place, low, high, color=ACCENT, linewidth=2, alpha=0.6)
            axes.scatter(place, values["mrr"], color=ACCENT, s=40, zorder=3)
            axes.annotate(f"{values['mrr']:.3f}", (place, values["mrr"]), (8, 4), textcoords="offset points")
    labels = [f"{name}\n{values['queries']:,.0f} queries" for name, values in by_degree.items()]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, len(labels) - 0.3)
    axes.set_ylim(0, None)
    axes.set_ylabel("MRR")
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    return to_svg(figure, "plot-by-degree", "MRR by training triples of the answer, of the model and the baselines")


def spread_over_diseases(auroc: Sequence[float]) -> str:
    """One dot a disease, hardest first: how well its held-out compounds stand above the others."""
    ordered = np.sort(np.asarray(auroc, np.float64))
    figure = new_figure(900, 240)
    axes = figure.subplots()
    axes.axhline(0.5, color=FAINT, linewidth=1, linestyle="--")
    axes.scatter(range(1, len(ordered) + 1), ordered, color=ACCENT, s=16)
    axes.annotate("chance", (1, 0.5), (0, 4), textcoords="offset points", color=INK, fontsize=11)
    axes.set_xlabel("diseases, hardest first")
    axes.set_ylabel("AUROC")
    axes.set_ylim(min(0.0, float(ordered.min())), 1.03)
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    return to_svg(figure, "plot-diseases", f"AUROC of each of {len(ordered)} diseases, hardest first")


def reliability_plot(report: Mapping[str, Any]) -> str:
    """The observed share of each bin, with its interval, over the predicted probability; both scales logarithmic.

    A bin without a treatment stands at the bottom, with the upper end of its interval.
    """
    bins = report["bins"]
    values = [b[key] for b in bins for key in ("predicted", "observed", "high") if b[key] > 0]
    least, most = min(values) / 2, 1.0
    figure = new_figure(620, 460)
    axes = figure.subplots()
    axes.plot([least, most], [least, most], color=FAINT, linewidth=1)
    x = [max(b["predicted"], least) for b in bins]
    y = [max(b["observed"], least) for b in bins]
    below = [at - max(b["low"], least) for at, b in zip(y, bins, strict=True)]
    above = [max(b["high"], least) - at for at, b in zip(y, bins, strict=True)]
    axes.errorbar(x, y, yerr=[[max(0, d) for d in below], above], fmt="o", color=ACCENT, markersize=5, linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlim(least, most)
    axes.set_ylim(least, most)
    axes.set_xlabel("predicted probability")
    axes.set_ylabel("observed share of treatments")
    axes.grid(True, color=FAINT)
    return to_svg(figure, "plot-reliability", f"Observed share over predicted probability in {len(bins)} bins")


def _point(axes: Axes, values: Mapping[str, Any], name: str, place: int, colour: str) -> None:
    """A metric as a dot, its interval as a line."""
    if values[name] is None:
        return
    low, high = values.get(f"{name}_low"), values.get(f"{name}_high")
    if low is not None and high is not None:
        axes.hlines(place, low, high, color=colour, linewidth=2, alpha=0.6)
    axes.scatter(values[name], place, color=colour, s=40, zorder=3)
    at = (max(values[name], high or 0), place)
    axes.annotate(f"{values[name]:.3f}", at, (8, 0), textcoords="offset points", va="center", fontsize=11)
