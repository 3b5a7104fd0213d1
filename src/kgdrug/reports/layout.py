"""Where the types of a metagraph stand: one perhaps in the middle, the others around it, few lines crossing."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float64]
Pair = tuple[str, str]

WIDTH, HEIGHT = 900, 660
CENTRE = np.array([WIDTH / 2, HEIGHT / 2])
RING = 300.0, 245.0  # half the width and height of the ellipse on which types stand
_TRIES = 4
_CLOSE = 24  # a line as near as this to a third type seems to touch it


def place_types(types: Iterable[str], pairs: Iterable[Pair]) -> dict[str, Point]:
    """The place of each type in a drawing of WIDTH and HEIGHT, the same for the same types and pairs.

    pairs: the types that metaedges join, each pair once; a pair of a type with itself has loops. The type with most
    neighbours stands in the middle where it has at least half of the others.
    """
    names, pairs = list(types), list(pairs)
    joined = [pair for pair in pairs if pair[0] != pair[1]]
    middle = _middle_of(names, joined)
    around: list[str | None] = [name for name in names if name != middle]
    if middle is not None and (middle, middle) in pairs and around:
        around.append(None)  # room for the loops of the one in the middle
    random = np.random.default_rng(0)
    orders = [around] + [[around[i] for i in random.permutation(len(around))] for _ in range(_TRIES - 1)]
    best = min((_settle(list(order), middle, joined) for order in orders), key=lambda found: found[0])
    return _stand(best[1], middle)


def neighbours(name: str, pairs: Iterable[Pair]) -> list[str]:
    """The types that metaedges join with a type, itself left out."""
    return [pair[pair[0] == name] for pair in pairs if name in pair and pair[0] != pair[1]]


def _middle_of(names: Sequence[str], pairs: Sequence[Pair]) -> str | None:
    if len(names) < 5:
        return names[0] if len(names) == 1 else None
    count = {name: len(neighbours(name, pairs)) for name in names}
    most = max(names, key=lambda name: count[name])
    return most if 2 * count[most] >= len(names) - 1 else None


def _settle(order: list[str | None], middle: str | None, pairs: Sequence[Pair]) -> tuple[float, list[str | None]]:
    """Exchange two types as long as that makes the drawing plainer."""
    cost = _tangle(_stand(order, middle), pairs)
    better = bool(pairs)
    while better:
        better = False
        for i in range(len(order)):
            for j in range(i + 1, len(order)):
                order[i], order[j] = order[j], order[i]
                changed = _tangle(_stand(order, middle), pairs)
                if changed < cost - 1e-9:
                    cost, better = changed, True
                else:
                    order[i], order[j] = order[j], order[i]
    return cost, order


def _stand(order: Sequence[str | None], middle: str | None) -> dict[str, Point]:
    """Places on the ring, clockwise from the top, or side by side where there are two; None keeps a place free."""
    places = {} if middle is None else {middle: CENTRE}
    for i, name in enumerate(order):
        if name is not None:
            angle = (math.pi if len(order) == 2 else math.pi / 2) - i * 2 * math.pi / len(order)
            places[name] = CENTRE + np.array([RING[0] * math.cos(angle), RING[1] * math.sin(angle)])
    return places


def _tangle(places: Mapping[str, Point], pairs: Sequence[Pair]) -> float:
    """How hard to read a drawing is: lines that cross, lines that touch a third type, and long lines."""
    if not pairs:
        return 0.0
    names = list(places)
    spots = np.array([places[name] for name in names])
    ends = np.array([[names.index(name) for name in pair] for pair in pairs])
    start, stop = spots[ends[:, 0]], spots[ends[:, 1]]
    way = stop - start
    length = np.hypot(way[:, 0], way[:, 1])

    # two lines cross where the ends of each lie on either side of the other
    side = [_cross(way[:, None], spots[ends[:, i]][None] - start[:, None]) for i in (0, 1)]
    apart = side[0] * side[1] < -1e-6
    crossings = np.triu(apart & apart.T, 1).sum()

    towards = spots[None] - start[:, None]
    along = np.clip((towards * way[:, None]).sum(2) / np.maximum(length**2, 1e-9)[:, None], 0, 1)
    gap = np.linalg.norm(towards - along[:, :, None] * way[:, None], axis=2)
    third = np.ones_like(gap, bool)
    third[np.arange(len(ends))[:, None], ends] = False
    return float(crossings + 3 * (third & (gap < _CLOSE)).sum() + length.sum() / WIDTH / 4)


def _cross(one: Point, other: Point) -> Point:
    result: Point = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
    return result
