"""The metagraph drawn: a circle for each entity type, a line or loop for each metaedge."""

import itertools
import math
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, PathPatch
from matplotlib.path import Path

from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.reports.layout import CENTRE, HEIGHT, RING, WIDTH, Pair, Point, neighbours, place_types
from kgdrug.reports.svg import ACCENT, FAINT, INK, SOFT, SOFT_TREAT, TREAT, new_figure, text_for_drawing, to_svg

MOST_TYPES = 30
MOST_LINES = 3  # metaedges between two types that are drawn one by one; more are one thick line with their number
_RADII = 9.0, 36.0  # of the smallest and the largest circle
_LABEL = 14  # characters of a metaedge's label


@dataclass(frozen=True)
class Line:
    """What is drawn between two types: one metaedge, or several as one line."""

    metaedges: tuple[Metaedge, ...]
    treats: bool

    @property
    def label(self) -> str:
        if len(self.metaedges) > 1:
            return f"{len(self.metaedges)} {'treatments' if self.treats else 'metaedges'}"
        return short_label(self.metaedges[0])


@dataclass
class Sheet:
    """The paper and where there is writing on it already: middle, width and height of each piece."""

    axes: Axes
    written: list[tuple[float, float, float, float]] = field(default_factory=list)

    def covered(self, x: float, y: float, width: float, height: float) -> float:
        """The area that writing here would share with what is written."""
        return sum(
            max(0.0, (width + w) / 2 - abs(x - left)) * max(0.0, (height + h) / 2 - abs(y - top))
            for left, top, w, h in self.written
        )

    def reach(self, points: Sequence[Point]) -> tuple[float, float]:
        """The lowest and highest of what is written and of some points, with a margin."""
        lowest = min([*(y - height / 2 for _, y, _, height in self.written), *(point[1] for point in points)])
        highest = max([*(y + height / 2 for _, y, _, height in self.written), *(point[1] for point in points)])
        return lowest - 12, highest + 12


def draw_metagraph(graph: KnowledgeGraph) -> str:
    """The metagraph as SVG; of more than MOST_TYPES types, those with most entities."""
    types = sorted(graph.entity_types, key=lambda t: (-len(t), t.name))[:MOST_TYPES]
    sizes = {t.name: len(t) for t in sorted(types, key=lambda t: t.start)}
    lines = lines_by_pair(graph, sizes)
    places = place_types(sizes, lines)
    radii = {name: _radius(size, max(sizes.values())) for name, size in sizes.items()}
    figure = new_figure(WIDTH, HEIGHT, fitted=False)
    sheet = Sheet(figure.add_axes((0, 0, 1, 1)))
    sheet.axes.set_xlim(0, WIDTH)
    sheet.axes.set_axis_off()
    treated = {name for pair, group in lines.items() for line in group if line.treats for name in pair}
    for name, place in places.items():
        _draw_type(sheet, name, sizes[name], place, radii[name], name in treated)
    paths: list[tuple[Line, list[Point]]] = []
    for pair, group in lines.items():
        if pair[0] == pair[1]:
            place = places[pair[0]]
            taken = [_direction(place, places[other]) for other in neighbours(pair[0], lines)]
            if not _in_the_middle(place):
                taken += [_direction(CENTRE, place) + turn for turn in (-0.7, 0, 0.7)]  # there stands its name
            paths += zip(group, _loops(len(group), place, radii[pair[0]], _widest_gap(taken)), strict=True)
        else:
            ends = [(places[name], radii[name]) for name in pair]
            paths += zip(group, _bundle([_points_back(line, pair) for line in group], *ends), strict=True)
    for line, points in paths:
        _draw_path(sheet.axes, line, points)
    for line, points in paths:
        _draw_label(sheet, line, points)
    bottom, top = sheet.reach([point for _, points in paths for point in points])
    sheet.axes.set_ylim(bottom, top)
    figure.set_size_inches(WIDTH / 72, (top - bottom) / 72)
    says = f"Metagraph of {len(sizes)} entity types and {graph.relations} metaedges, which the table below lists"
    return to_svg(figure, "metagraph", says)


def short_label(metaedge: Metaedge) -> str:
    """The abbreviation, or the relation where that is shorter than an abbreviation that is too long to draw."""
    words = metaedge.abbreviation
    if len(words) > _LABEL:
        words = min(words, metaedge.relation, key=len)
    return text_for_drawing(words, _LABEL)


def lines_by_pair(graph: KnowledgeGraph, types: Iterable[str]) -> dict[Pair, list[Line]]:
    """The lines between each two of the types, whichever way they point; treatments have their own."""
    known = set(types)
    by_pair: dict[Pair, dict[bool, list[Metaedge]]] = defaultdict(lambda: {True: [], False: []})
    for e in graph.metaedges:
        if {e.head_type, e.tail_type} <= known:
            one, other = sorted((e.head_type, e.tail_type))
            by_pair[one, other][e.abbreviation in graph.treats].append(e)
    result: dict[Pair, list[Line]] = defaultdict(list)
    for pair, kinds in by_pair.items():
        few = sum(map(len, kinds.values())) <= MOST_LINES
        for treats, metaedges in kinds.items():
            groups = [(e,) for e in metaedges] if few else [tuple(metaedges)] if metaedges else []
            result[pair] += [Line(group, treats) for group in groups]
    return dict(result)


def _radius(size: int, largest: int) -> float:
    """A circle whose area is as the number of entities, but none too small to see."""
    return max(_RADII[0], _RADII[1] * math.sqrt(size / max(largest, 1)))


def _in_the_middle(place: Point) -> bool:
    return bool(np.hypot(*(place - CENTRE)) < 1)


def _direction(start: Point, stop: Point) -> float:
    return math.atan2(stop[1] - start[1], stop[0] - start[0])


def _unit(angle: float) -> Point:
    return np.array([math.cos(angle), math.sin(angle)])


def _widest_gap(taken: Sequence[float]) -> float:
    """The middle of the widest angle between directions; upwards where there is none."""
    if not taken:
        return math.pi / 2
    angles = sorted(angle % (2 * math.pi) for angle in taken)
    following = [*angles[1:], angles[0] + 2 * math.pi]
    width, before = max((after - before, before) for before, after in zip(angles, following, strict=True))
    return before + width / 2


def _points_back(line: Line, pair: Pair) -> bool:
    return len(line.metaedges) == 1 and line.metaedges[0].tail_type == pair[0]


def _bundle(back: Sequence[bool], start: tuple[Point, float], stop: tuple[Point, float]) -> list[list[Point]]:
    """Lines from circle to circle side by side, each bent a little more; three points each (quadratic Bézier)."""
    way = stop[0] - start[0]
    across = np.array([-way[1], way[0]]) / np.hypot(*way)
    result = []
    for i, turned in enumerate(back):
        bend = (start[0] + stop[0]) / 2 + 52 * (i - (len(back) - 1) / 2) * across
        ends = [place + (radius + 3) * _unit(_direction(place, bend)) for place, radius in (start, stop)]
        result.append([ends[1], bend, ends[0]] if turned else [ends[0], bend, ends[1]])
    return result


def _loops(count: int, place: Point, radius: float, towards: float) -> list[list[Point]]:
    """Loops at a circle, one around the other; four points each (cubic Bézier)."""
    result, wide = [], math.radians(20)
    step = 24 + 20 * abs(math.cos(towards))  # labels are wider than high
    for i in range(count):
        opening, reach = math.radians(16 + 7 * i), radius + 40 + step * i
        far = (reach - 0.25 * radius * math.cos(opening)) / (0.75 * math.cos(wide))  # so that it reaches that far
        result.append(
            [
                place + radius * _unit(towards - opening),
                place + far * _unit(towards - wide),
                place + far * _unit(towards + wide),
                place + radius * _unit(towards + opening),
            ]
        )
    return result


def _along(points: Sequence[Point], t: float) -> Point:
    """The point of a Bézier curve at `t` in [0, 1]."""
    while len(points) > 1:
        points = [(1 - t) * one + t * other for one, other in itertools.pairwise(points)]
    return points[0]


def _draw_type(sheet: Sheet, name: str, size: int, place: Point, radius: float, treated: bool) -> None:
    """A circle and, on it where it is in the middle and outside the ring elsewhere, its name and size."""
    fill, edge = (SOFT_TREAT, TREAT) if treated else (SOFT, ACCENT)
    x, y = float(place[0]), float(place[1])
    sheet.axes.add_patch(Circle((x, y), radius, facecolor=fill, edgecolor=edge, linewidth=1.5, zorder=2))
    sheet.written.append((x, y, 2 * radius, 2 * radius))
    words = textwrap.wrap(text_for_drawing(name, 40), 14) or [""]
    words, weights = [*words, f"{size:,}"], ["bold"] * len(words) + ["normal"]
    height, width = 16.0 * len(words), 8.0 * max(map(len, words))
    ha = "center"
    if not _in_the_middle(place):
        ways = (place - CENTRE) / RING
        ways = ways / np.hypot(*ways)
        ha = "center" if abs(ways[0]) < 0.3 else "left" if ways[0] > 0 else "right"
        x += (radius + 9) * ways[0]
        y += (radius + 9) * ways[1] + (height / 2 - 4) * ways[1]
    for i, (word, weight) in enumerate(zip(words, weights, strict=True)):
        spot = y + height / 2 - 8 - 16 * i
        font = 13 if weight == "bold" else 11.5
        sheet.axes.text(x, spot, word, ha=ha, va="center", fontsize=font, fontweight=weight, zorder=6)
    aside = {"center": 0, "left": 1, "right": -1}[ha] * width / 2
    sheet.written.append((x + aside, y, width, height))


def _draw_path(axes: Axes, line: Line, points: Sequence[Point]) -> None:
    curve = Path.CURVE3 if len(points) == 3 else Path.CURVE4
    path = Path(points, [Path.MOVETO] + [curve] * (len(points) - 1))
    colour = TREAT if line.treats else FAINT
    if len(line.metaedges) > 1:
        axes.add_patch(PathPatch(path, facecolor="none", edgecolor=colour, linewidth=3.2, capstyle="round"))
        return
    width = 2.2 if line.treats else 1.3
    arrow = FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=9, color=colour, linewidth=width, fill=None)
    axes.add_patch(arrow)


def _draw_label(sheet: Sheet, line: Line, points: Sequence[Point]) -> None:
    """The label on its line, at the place nearest the middle where it covers least of what is written."""
    width, height = 6.6 * len(line.label) + 4, 15.0
    spots = [_along(points, 0.5 + shift) for shift in (0, 0.08, -0.08, 0.15, -0.15, 0.22, -0.22, 0.29, -0.29)]
    x, y = min(spots, key=lambda spot: sheet.covered(spot[0], spot[1], width, height))
    sheet.written.append((x, y, width, height))
    colour, weight = (TREAT, "bold") if line.treats else (INK, "normal")
    sheet.axes.text(x, y, line.label, ha="center", va="center", fontsize=11, color=colour, fontweight=weight, zorder=5)
