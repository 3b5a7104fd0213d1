"""Which items go to valid and test: by shares, or as one of k folds, in groups that stay together."""

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UsageError
from kgdrug.graph.known import Int

TRAIN, VALID, TEST = 0, 1, 2
Part = NDArray[np.int8]


@dataclass(frozen=True)
class Draw:
    """What decides a draw. A seed repeats it to the bit.

    valid, test: shares of the items, at least one item each; folds, fold: instead of `test`, one of so many equal parts
    is the test part, counted from 0; every item is in the test part of one fold.
    """

    valid: float = 0.1
    test: float = 0.2
    seed: int = 0
    folds: int | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        if (self.folds is None) != (self.fold is None):
            raise UsageError(
                "split.folds, how many there are, and split.fold, which of them is tested, belong together"
            )
        if self.folds is None and not (0 < self.valid < 1 and 0 < self.test < 1 and self.valid + self.test < 1):
            shares = f"split.valid is {self.valid} and split.test {self.test}"
            raise UsageError(f"{shares}; both must be above 0 and together below 1")
        if self.folds is not None and self.fold is not None:
            if self.folds < 2:
                raise UsageError(f"split.folds is {self.folds}; it must be at least 2")
            if not 0 <= self.fold < self.folds:
                raise UsageError(f"split.fold is {self.fold}; of {self.folds} folds it can be 0 to {self.folds - 1}")
            if not 0 < self.valid < 1 - 1 / self.folds:
                most = f"below {1 - 1 / self.folds:.3g}, what the test fold leaves"
                raise UsageError(f"split.valid is {self.valid}; with {self.folds} folds it must be above 0 and {most}")

    @property
    def settings(self) -> dict[str, Any]:
        """What has to be told to draw the same again."""
        if self.folds is None:
            return {"valid": self.valid, "test": self.test, "seed": self.seed}
        return {"valid": self.valid, "seed": self.seed, "folds": self.folds, "fold": self.fold}


def draw_items(count: int, draw: Draw, what: str) -> Part:
    """The part of each of so many items, every one for itself; `(count,)`. what: their name in errors."""
    order = np.random.default_rng(draw.seed).permutation(count)
    n_valid, n_test = _wanted(count, draw, what)
    parts = np.full(count, TRAIN, np.int8)
    if draw.folds is None:
        parts[order[n_valid : n_valid + n_test]] = TEST
    else:
        parts[order[draw.fold :: draw.folds]] = TEST
    parts[order[parts[order] == TRAIN][:n_valid]] = VALID
    return parts


def draw_groups(groups: Int, draw: Draw, what: str) -> Part:
    """The part of each item, `(i,)`, where items of one group, `(i,)`, go to one part; a group below 0 trains.

    Groups come in random order. One goes to valid, or else to test, if that part still lacks at least half as many
    items as the group has, so that the shares are met as nearly as whole groups can; with `folds` each goes to the
    fold that has fewest items so far. Shares are of the items that have a group. what: the groups' name in errors.
    """
    kinds, row_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = np.flatnonzero(kinds >= 0)
    order, items = np.random.default_rng(draw.seed).permutation(drawn), int(sizes[drawn].sum())
    lacks = dict(zip((VALID, TEST), _wanted(items, draw, "items"), strict=True))
    part = np.full(len(kinds), TRAIN, np.int8)
    if draw.folds is not None:
        part[_dealt(order, sizes, draw.folds) == draw.fold] = TEST
        lacks[TEST] = 0
    for group in order[part[order] == TRAIN].tolist():
        for here in (VALID, TEST):
            if lacks[here] > 0 and 2 * lacks[here] >= sizes[group]:
                part[group], lacks[here] = here, lacks[here] - sizes[group]
                break
    there = set(part[drawn].tolist())
    empty = next((name for here, name in ((VALID, "valid"), (TEST, "test"), (TRAIN, "train")) if here not in there), "")
    if empty:
        raise UsageError(
            f"{len(drawn)} {what} with {items} treated pairs, up to {sizes[drawn].max(initial=0)} in one, "
            f"leave nothing for {empty}; ask for other shares, more folds, or smaller groups"
        )
    return part[row_of]


def _wanted(total: int, draw: Draw, what: str) -> tuple[int, int]:
    """How many items valid and test should have."""
    n_valid = max(1, round(total * draw.valid))
    n_test = max(1, round(total * draw.test)) if draw.folds is None else -(-total // draw.folds)
    if n_valid + n_test >= total or (draw.folds or 0) > total:
        raise UsageError(f"{total} {what} are too few to hold out {n_valid} for valid and {n_test} for test")
    return n_valid, n_test


def _dealt(order: Int, sizes: Int, folds: int) -> Int:
    """The fold of each group, `(g,)`, -1 for those that are not in the order: each to the one with fewest items."""
    fold_of = np.full(len(sizes), -1, np.int64)
    fewest = [(0, fold) for fold in range(folds)]
    for group in order.tolist():
        count, fold_of[group] = heapq.heappop(fewest)
        heapq.heappush(fewest, (count + int(sizes[group]), int(fold_of[group])))
    return fold_of
