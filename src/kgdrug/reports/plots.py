"""The plots of a graph's page."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.describe import degrees, treated
from kgdrug.graph.known import Int
from kgdrug.reports.svg import ACCENT, FAINT, INK, TREAT, new_figure, text_for_drawing, to_svg

MOST_METAEDGES, MOST_TYPES, MOST_BARS = 40, 24, 40
_COLUMNS = 4  # of the plots of degrees


def triples_per_metaedge(about: Mapping[str, Any]) -> str:
    """A dot for each metaedge on a logarithmic scale, most triples first; treatments in their own colour.

    Of more than MOST_METAEDGES those with fewest triples are left out, but no treatment.
    """
    rows = sorted(about["metaedges"].items(), key=lambda row: -row[1]["triples"])
    treats = set(about["treats"])
    rows = [row for i, row in enumerate(rows) if i < MOST_METAEDGES or row[0] in treats]
    counts = [row["triples"] for _, row in rows]
    colours = [TREAT if abbreviation in treats else ACCENT for abbreviation, _ in rows]
    places = range(len(rows))
    figure = new_figure(900, 56 + 19 * len(rows))
    axes = figure.subplots()
    axes.hlines(places, 0.7, [max(count, 0.7) for count in counts], color=colours, linewidth=1.5, alpha=0.45)
    axes.scatter([max(count, 0.7) for count in counts], list(places), color=colours, s=34, zorder=3)
    for place, count in zip(places, counts, strict=True):
        spot = (max(count, 0.7), place)
        axes.annotate(f"{count:,}", spot, (8, 0), textcoords="offset points", va="center", fontsize=11)
    axes.set_yticks(places, [text_for_drawing(abbreviation, 44) for abbreviation, _ in rows])
    for label, colour in zip(axes.get_yticklabels(), colours, strict=True):
        label.set_color(INK if colour == ACCENT else TREAT)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(0.7, 6 * max([1, *counts]))
    axes.set_xlabel("triples (logarithmic scale)")
    _plain_powers(axes, "x")
    return to_svg(figure, "plot-metaedges", f"Triples per metaedge, most first, of {len(rows)} metaedges")


def degrees_by_type(graph: KnowledgeGraph) -> str:
    """For each type, how many entities have at least so many triples; both scales logarithmic and shared."""
    types = sorted(graph.entity_types, key=lambda t: -len(t))[:MOST_TYPES]
    degree = degrees(graph)
    columns = min(_COLUMNS, len(types))
    rows = math.ceil(len(types) / columns)
    height = 46 + 162 * rows
    figure = new_figure(900, height, fitted=False)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    figure.subplots_adjust(76 / 900, 46 / height, 0.99, 1 - 24 / height, wspace=0.1, hspace=0.42)
    for axes, t in zip(grid.flat, types, strict=False):
        of_type = degree[t.start : t.stop]
        degree_of, entities = at_least(of_type[of_type > 0])
        axes.plot(
            degree_of, entities, color=ACCENT, linewidth=1.8, marker="o" if len(degree_of) == 1 else "", markersize=4
        )
        axes.set_title(text_for_drawing(t.name, 26), loc="left", fontsize=12, fontweight="bold")
        axes.grid(True)
    for axes in list(grid.flat)[len(types) :]:
        axes.remove()
    for column in range(columns):  # the lowest of each column has the numbers
        lowest = grid[(len(types) - 1 - column) // columns, column]
        lowest.tick_params(labelbottom=True)
    first = grid[0, 0]
    first.set_xscale("log")
    first.set_yscale("log")
    first.set_xlim(0.8, 1.6 * max(1, int(degree.max(initial=1))))
    first.set_ylim(0.8, 1.6 * max(1, *(len(t) for t in types)))
    for axes in grid.flat[: len(types)]:
        _plain_powers(axes, "x")
        _plain_powers(axes, "y")
    figure.supxlabel("degree", fontsize=12, y=0, va="bottom")
    figure.supylabel("entities with at least this degree", fontsize=12, x=0, ha="left")
    return to_svg(
        figure, "plot-degrees", f"Degrees of the entities of {len(types)} types, as the table above gives them"
    )


def treatments_per_side(graph: KnowledgeGraph) -> str:
    """Two histograms: how many diseases have so many treatments, and how many compounds."""
    compounds, diseases = treated(graph)
    figure = new_figure(900, 270)
    for axes, ends, side in zip(
        figure.subplots(1, 2), (diseases, compounds), (("disease", "diseases"), ("compound", "compounds")), strict=True
    ):
        count = np.bincount(ends)
        together = _histogram(axes, count[count > 0])
        axes.set_title(f"Treatments per {side[0]}", loc="left", fontsize=12, fontweight="bold")
        axes.set_xlabel("treatments" + (f" ({together} to a bar)" if together > 1 else ""))
        axes.set_ylabel(side[1])
    return to_svg(figure, "plot-treatments", "How many diseases, and how many compounds, have how many treatments")


def _histogram(axes: Axes, values: Int) -> int:
    """Bars of whole numbers from 1; returns how many numbers share a bar, that there be no more than MOST_BARS."""
    width = math.ceil(int(values.max()) / MOST_BARS)
    edges = np.arange(0.5, values.max() + width + 0.5, width)
    count, _ = np.histogram(values, edges)
    axes.bar(edges[:-1] + width / 2, count, width=0.86 * width, color=TREAT)
    axes.set_xlim(edges[0], edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    return width


def at_least(values: Int, most: int = 150) -> tuple[Int, Int]:
    """Distinct values, ascending, and how many are at least as great; of many, some that lie evenly on a log scale."""
    distinct, first = np.unique(np.sort(values), return_index=True)
    if len(distinct) > most:
        wanted = np.geomspace(distinct[0], distinct[-1], most)
        kept = np.unique(np.searchsorted(distinct, wanted, side="right") - 1)
        distinct, first = distinct[kept], first[kept]
    return distinct, len(values) - first


def _plain_powers(axes: Axes, which: str) -> None:
    """Ticks of a logarithmic axis at powers of ten, written 1,000, 10k, 1M; a light grid in that direction."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(10, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis=which, which="minor", length=0)  # type: ignore[arg-type]
    axes.grid(True, axis=which, color=FAINT)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def short_number(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:,.0f}M"
    return f"{value / 1e3:,.0f}k" if value >= 1e4 else f"{value:,.0f}"
