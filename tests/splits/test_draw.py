from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kgdrug.errors import UsageError
from kgdrug.splits.draw import TEST, TRAIN, VALID, Draw, draw_groups, draw_items

groups_of_items = st.lists(st.integers(-1, 6), min_size=3, max_size=40)


@given(st.integers(3, 60), st.sampled_from([0.1, 0.3]), st.sampled_from([0.1, 0.3]), st.integers(0, 9))
def test_items_are_drawn_in_the_shares_asked_for(count, valid, test, seed):
    wanted = max(1, round(count * valid)), max(1, round(count * test))
    assume(sum(wanted) < count)
    parts = Counter(draw_items(count, Draw(valid, test, seed), "items").tolist())
    assert (parts[VALID], parts[TEST]) == wanted


@given(st.integers(4, 60), st.integers(2, 4), st.integers(0, 9))
def test_every_item_is_tested_in_one_fold_and_folds_differ_by_one_item_at_most(count, folds, seed):
    parts = [draw_items(count, Draw(0.1, seed=seed, folds=folds, fold=fold), "items") for fold in range(folds)]
    tested = np.stack([part == TEST for part in parts])
    assert (tested.sum(0) == 1).all()
    assert np.ptp(tested.sum(1)) <= 1
    assert all((part == VALID).sum() == max(1, round(count * 0.1)) for part in parts)


@given(groups_of_items, st.integers(0, 9), st.sampled_from([None, 2, 3]))
def test_a_group_stays_together_and_what_has_no_group_trains(groups, seed, folds):
    draw = Draw(0.2, 0.2, seed) if folds is None else Draw(0.2, seed=seed, folds=folds, fold=1)
    try:
        parts = draw_groups(np.array(groups), draw, "groups")
    except UsageError:
        assume(False)
    for group in set(groups):
        assert len({p for p, g in zip(parts.tolist(), groups, strict=True) if g == group}) == 1
    assert all(p == TRAIN for p, g in zip(parts.tolist(), groups, strict=True) if g < 0)
    assert {VALID, TEST, TRAIN} <= {*parts.tolist()}
    assert parts.tolist() == draw_groups(np.array(groups), draw, "groups").tolist()


@given(groups_of_items, st.integers(0, 9), st.integers(2, 3))
def test_every_group_is_tested_in_one_fold(groups, seed, folds):
    tested = np.zeros(len(groups), int)
    try:
        for fold in range(folds):
            tested += draw_groups(np.array(groups), Draw(0.1, seed=seed, folds=folds, fold=fold), "groups") == TEST
    except UsageError:
        assume(False)
    assert tested.tolist() == [int(group >= 0) for group in groups]


def test_shares_are_met_as_nearly_as_groups_of_few_items_can():
    groups = np.repeat(np.arange(100), 2)
    parts = Counter(draw_groups(groups, Draw(0.1, 0.3, 5), "groups").tolist())
    assert (parts[VALID], parts[TEST]) == (20, 60)


def test_a_group_far_larger_than_a_part_does_not_fill_it():
    groups = np.repeat(np.arange(21), [100] + [5] * 20)
    for seed in range(20):
        parts = draw_groups(groups, Draw(0.1, 0.1, seed), "groups")
        assert set(parts[:100].tolist()) == {TRAIN}
        assert (parts == VALID).sum() == (parts == TEST).sum() == 20


def test_single_items_are_drawn_alike_with_and_without_groups():
    drawn = [draw(50, Draw(0.1, 0.3, 4), "x") for draw in (draw_items, lambda n, d, x: draw_groups(np.arange(n), d, x))]
    assert drawn[0].tolist() == drawn[1].tolist()


@pytest.mark.parametrize("groups", [[0] * 10, [0] * 5 + [1] * 5, [-1] * 10])
def test_groups_that_cannot_fill_every_part_are_refused(groups):
    with pytest.raises(UsageError, match=r"leave nothing for|too few to hold out"):
        draw_groups(np.array(groups), Draw(0.3, 0.3), "groups")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 5}, "split.folds, how many there are, and split.fold"),
        ({"fold": 0}, "split.folds, how many there are, and split.fold"),
        ({"folds": 1, "fold": 0}, "split.folds is 1; it must be at least 2"),
        ({"folds": 5, "fold": 5}, "split.fold is 5; of 5 folds it can be 0 to 4"),
        ({"folds": 2, "fold": 0, "valid": 0.5}, "split.valid is 0.5; with 2 folds it must be above 0 and below 0.5"),
        ({"valid": 0.5, "test": 0.5}, "both must be above 0 and together below 1"),
    ],
)
def test_a_draw_that_cannot_be_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        Draw(**settings)
