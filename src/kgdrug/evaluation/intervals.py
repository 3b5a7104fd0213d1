"""How far a number could be off: the bootstrap over what was asked, and the t interval over folds.

Sources: Efron and Tibshirani 1993 (percentile bootstrap); Soboroff 2014, EVIA (for retrieval metrics the percentile
interval covers what it should); Student 1908. The two queries of a test triple are no two observations: a unit (a
triple, or a disease with all its pairs) is drawn whole.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
RESAMPLES, LEVEL = 1000, 0.95
_AT_ONCE = 4_000_000  # numbers of a block of draws


def draws(units: int, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[Float]:
    """How often each unit is drawn in each resample, in blocks `(b, units)`; the same for the same arguments."""
    random, step = np.random.default_rng(seed), max(1, _AT_ONCE // max(1, units))
    for start in range(0, resamples, step):
        b = min(step, resamples - start)
        drawn = random.integers(0, units, (b, units)) + np.arange(b)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=b * units).reshape(b, units).astype(np.float64)


def resampled_sums(values: Float, resamples: int = RESAMPLES, seed: int = 0) -> Float:
    """The sums over the units of each resample, `(resamples, c)`, of values `(units, c)`."""
    if not len(values):
        return np.zeros((resamples, values.shape[1]))
    return np.concatenate([drawn @ values for drawn in draws(len(values), resamples, seed)])


def bounds(resampled: Float, units: int) -> tuple[float, float]:
    """The middle `LEVEL` of what the resamples came to, `(r,)`; `nan` of fewer than two units, which say nothing."""
    if units < 2 or np.isnan(resampled).all():
        return math.nan, math.nan
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def over_folds(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of one number a fold, and the ends of its t interval at `LEVEL`; `nan` ends of fewer than two folds.

    The folds' training parts overlap, so the interval is somewhat too narrow (Nadeau and Bengio 2003).
    """
    k, mean = len(values), float(np.mean(values))
    if k < 2:
        return mean, math.nan, math.nan
    half = _t_quantile(k - 1) * float(np.std(values, ddof=1)) / math.sqrt(k)
    return mean, mean - half, mean + half


def _t_quantile(freedom: int) -> float:
    """The t that Student's distribution keeps within with probability `LEVEL`.

    With t = √f tan φ the density becomes the power f - 1 of cos φ, which is summed between 0 and π / 2.
    """
    angle = np.linspace(0, math.pi / 2, 200_001)
    density = np.cos(angle) ** (freedom - 1)
    share = np.append(0, np.cumsum((density[1:] + density[:-1]) / 2))
    return math.sqrt(freedom) * math.tan(float(np.interp(LEVEL, share / share[-1], angle)))
