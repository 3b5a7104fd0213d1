"""One page about a calibration: predicted beside observed shares."""

from collections.abc import Mapping
from typing import Any


def calibration_page(name: str, report: Mapping[str, Any]) -> str:
    """A self-contained HTML page of what `kgdrug.calibrate` reports about a model of this name."""
    # jinja2 and matplotlib load when a page is made
    from kgdrug.reports.pages import render
    from kgdrug.reports.svg import drawing

    with drawing():
        picture = reliability_plot(report)
    return render("calibration.html.j2", name=name, report=report, picture=picture)


def reliability_plot(report: Mapping[str, Any]) -> str:
    """The observed share of each bin, with its interval, over the predicted probability; both scales logarithmic.

    A bin without a treatment stands at the bottom, with the upper end of its interval.
    """
    from matplotlib.ticker import FuncFormatter, NullFormatter

    from kgdrug.reports.svg import ACCENT, FAINT, new_figure, to_svg

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
