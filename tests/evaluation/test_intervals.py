"""Intervals against resampling over Python lists, and against tables of Student's t."""

import math
import statistics

import numpy as np
import pytest

from kgdrug.evaluation import intervals as module
from kgdrug.evaluation import over_folds
from kgdrug.evaluation.intervals import bounds, draws, resampled_sums


def test_a_resample_draws_as_many_units_as_there_are_with_replacement() -> None:
    drawn = np.concatenate(list(draws(7, 500)))
    assert drawn.shape == (500, 7)
    assert (drawn.sum(1) == 7).all()
    assert drawn.max() > 2
    assert abs(drawn.mean(0) - 1).max() < 0.15


def test_draws_are_the_same_for_the_same_seed_and_other_for_another() -> None:
    first, again, other = (np.concatenate(list(draws(5, 20, seed=seed))) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("at_once", [1, 17, 10_000])
def test_the_sums_of_a_resample_are_those_of_the_units_drawn(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    values = np.random.default_rng(0).normal(size=(6, 3))
    drawn = np.concatenate(list(draws(6, 40, seed=1)))
    expected = [
        [sum(count * values[u][c] for u, count in enumerate(counts)) for c in range(3)] for counts in drawn.tolist()
    ]
    assert resampled_sums(values, 40, seed=1) == pytest.approx(np.array(expected))


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide() -> None:
    values = np.random.default_rng(0).normal(size=(400, 1))
    low, high = bounds(resampled_sums(values, 4000)[:, 0] / 400, 400)
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_one_unit_has_no_interval() -> None:
    assert all(math.isnan(end) for end in bounds(np.array([0.3, 0.3]), 1))
    assert all(math.isnan(end) for end in bounds(np.array([np.nan, np.nan]), 9))


# two-sided 95 % quantiles of Student's t, as every table has them
@pytest.mark.parametrize(("folds", "t"), [(2, 12.706), (3, 4.303), (5, 2.776), (10, 2.262), (31, 2.042)])
def test_the_interval_over_folds_is_students(folds: int, t: float) -> None:
    values = [0.4 + 0.01 * i for i in range(folds)]
    mean, low, high = over_folds(values)
    half = t * statistics.stdev(values) / math.sqrt(folds)
    assert mean == pytest.approx(statistics.mean(values))
    assert (low, high) == pytest.approx((mean - half, mean + half), rel=2e-4)


def test_a_single_fold_has_no_interval() -> None:
    mean, low, high = over_folds([0.4])
    assert mean == 0.4
    assert math.isnan(low)
    assert math.isnan(high)
